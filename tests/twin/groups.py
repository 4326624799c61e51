"""ADV2 groups drawn at random, good ones, and written as JSON in every way that JSON has.

Values of JSON as Python has them; objects are `Object` (pairs, so that a key can occur twice), numbers are `Raw`, as
any text that is to stand in the file as it is.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tallyport_schemas.finding import shown

Json = object
"""What stands for a value of JSON."""


class Raw(str):
    """A piece of JSON, written as it is."""

    __slots__ = ()


class Object(list[tuple[str, Json]]):
    """An object: its members in order."""

    __slots__ = ()


PERIODS = ("202401", "202402", "202412", "2024Q1", "2024W3", "2024", "20240229", "2024April", "2020W53", "202403B")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
CODES = (
    "ANC 1st visit",
    "Größe",
    "日本",
    "😀",
    'q"uote',
    "back\\slash",
    "a,b",
    "007",
    "x\ty",
    "\u2028",
    "é",
    "e\u0301",
    "~",
)
TEXTS = (
    "x",
    "12",
    "007",
    "-0",
    "1e3",
    " ",
    "true",
    "Größe",
    "日本",
    "😀 y",
    'q"uote',
    "back\\slash",
    "line\nend",
    "[1]",
    "\x7f",
    "/",
)
NUMBERS = ("0", "1", "12", "-7", "0.5", "-12.25", "1e3", "1E+2", "5.0", "-0", "12345678901234567890", "0.10", "1e400")


@dataclass
class Group:
    """A group: properties in front of its rows, the rows (None: no `data`), and what stands behind them."""

    head: list[tuple[str, Json]]
    rows: list[Json] | None
    tail: list[tuple[str, Json]] = field(default_factory=list)

    def get(self, name: str) -> Json:
        """The first of that name."""
        return dict(reversed(self.head))[name]

    def has(self, name: str) -> bool:
        """Whether there is one of that name."""
        return any(key == name for key, _ in self.head)

    def put(self, name: str, value: Json) -> None:
        """Replace a property, or add it."""
        for i, (key, _) in enumerate(self.head):
            if key == name:
                self.head[i] = (name, value)
                return
        self.head.append((name, value))

    def drop(self, name: str) -> None:
        """Take a property out."""
        self.head = [(key, value) for key, value in self.head if key != name]

    @property
    def members(self) -> Object:
        """The whole group as an object."""
        data: list[tuple[str, Json]] = [] if self.rows is None else [("data", self.rows)]
        return Object([*self.head, *data, *self.tail])

    @property
    def places(self) -> list[tuple[str, int]]:
        """The dimensions that take a place in a row: what findings call them, and how many identifiers they have."""
        found = [("pe", _count(self.get("pe"))), ("ou", _count(self.get("ou")))]
        for combo, options in (("coc", "co"), ("aoc", "ao")):
            if self.has(combo):
                found.append((combo, _count(self.get(combo))))
            elif self.has(options):
                value = self.get(options)
                if isinstance(value, Object):
                    found += [(f"{options}.{shown(name)}", _count(names)) for name, names in value]
                elif isinstance(value, list):
                    found += [(f"{options}[{i}]", _count(names)) for i, names in enumerate(value)]
        return [(name, count) for name, count in found if count > 1]


def _count(names: Json) -> int:
    return len(names) if isinstance(names, list) else 1


def uid(rng: random.Random) -> str:
    """Draw an identifier."""
    return rng.choice(LETTERS) + "".join(rng.choices(LETTERS + "0123456789", k=10))


def names(rng: random.Random, count: int, scheme: str = "UID") -> list[str]:
    """Draw distinct identifiers of a scheme."""
    if scheme == "UID":
        return list({uid(rng): None for _ in range(count)})
    pool = list(CODES)
    rng.shuffle(pool)
    return pool[:count]


def _dimension(rng: random.Random, identifiers: Sequence[str]) -> Json:
    """One identifier as a text or an array of one, several as an array."""
    return identifiers[0] if len(identifiers) == 1 and rng.random() < 0.7 else list(identifiers)


def draw_value(rng: random.Random) -> Json:
    """Draw a value that is one whatever the data element."""
    kind = rng.random()
    if kind < 0.5:
        return Raw(rng.choice(NUMBERS))
    return rng.choice(TEXTS) if kind < 0.9 else rng.random() < 0.5


def draw_group(
    rng: random.Random, value: Callable[[random.Random], Json] = draw_value, comments: Sequence[str] = TEXTS
) -> Group:
    """Draw a good group; `value` draws its values."""
    schemes = dict.fromkeys(("ds", "de", "ou", "cc", "c", "co", "coc", "aoc"), "UID")
    head: list[tuple[str, Json]] = []
    kind = rng.random()
    if kind < 0.2:
        scheme = rng.choice(("UID", "CODE", "NAME", "ATTRIBUTE:" + uid(rng)))
        schemes = dict.fromkeys(schemes, scheme)
        head.append(("ids", scheme))
    elif kind < 0.4:
        chosen = {
            k: rng.choice(("UID", "CODE", "NAME", "ATTRIBUTE:" + uid(rng))) for k in schemes if rng.random() < 0.4
        }
        schemes |= chosen
        head.append(("ids", Object(chosen.items())))
    for name in ("ds", "cc", "de"):
        if name == "de" or rng.random() < 0.3:
            head.append((name, names(rng, 1, schemes[name])[0]))
    head.append(("pe", _dimension(rng, rng.sample(PERIODS, rng.randint(1, 4)))))
    head.append(("ou", _dimension(rng, names(rng, rng.randint(1, 4), schemes["ou"]))))
    for combo, options in (("coc", "co"), ("aoc", "ao")):
        shape = rng.choice(("none", "one", "several", "keyed", "keyed", "placed"))
        if shape in ("one", "several"):
            head.append(
                (combo, _dimension(rng, names(rng, 1 if shape == "one" else rng.randint(2, 4), schemes[combo])))
            )
        elif shape != "none":
            lists = [names(rng, rng.randint(1, 3), schemes["co"]) for _ in range(rng.randint(1, 3))]
            if shape == "placed":
                head.append((options, [list(found) for found in lists]))
            else:
                categories = names(rng, len(lists), schemes["c"])
                members = zip(categories, (_dimension(rng, found) for found in lists), strict=True)
                head.append((options, Object(members)))
    if rng.random() < 0.1:
        head.append(("delete", rng.choice(("soft", "hard"))))
    if rng.random() < 0.5:
        rng.shuffle(head)
    group = Group(head, [])
    group.rows = draw_rows(rng, group, value, comments)
    size: tuple[str, Json] = ("size", Raw(len(group.rows)))
    head.insert(rng.randint(0, len(head)) if rng.random() < 0.5 else len(head), size)
    if not group.rows and rng.random() < 0.5:
        group.rows = None
    return group


def draw_rows(
    rng: random.Random, group: Group, value: Callable[[random.Random], Json], comments: Sequence[str]
) -> list[Json]:
    """Draw good rows: some of all keys, blocks in order, rows within a block in any order or none."""
    sizes = dict(group.places)
    others = [size for name, size in sizes.items() if name not in ("pe", "ou")]
    rows: list[Json] = []
    most, of_block = (24, 6) if rng.random() < 0.9 else (100, 40)
    density = rng.choice((0.1, 0.5, 1.0))
    for pe in range(sizes.get("pe", 1)):
        for ou in range(sizes.get("ou", 1)):
            keys = {tuple(rng.randrange(size) for size in others) for _ in range(rng.randint(0, of_block))}
            ordered = sorted(keys)
            if rng.random() < 0.4:
                rng.shuffle(ordered)
            for key in ordered:
                if rng.random() > density or len(rows) >= most:
                    continue
                block = [i for i, name in ((pe, "pe"), (ou, "ou")) if name in sizes]
                indexes: list[Json] = [Raw(i) for i in (*block, *key)]
                rows.append([*indexes, *draw_payload(rng, value, comments)])
    return rows


def draw_payload(rng: random.Random, value: Callable[[random.Random], Json], comments: Sequence[str]) -> list[Json]:
    """Draw what follows the indexes of a row."""
    if rng.random() < 0.6:
        return [value(rng)]
    deleted, comment = rng.random() < 0.3, rng.choice(comments)
    followup = rng.choice((True, False, None))
    if deleted and rng.random() < 0.5:
        full: list[Json] = [rng.choice((None, "")), True, followup, rng.choice((None, "", comment))]
        return full[: rng.randint(2, 4)]
    if rng.random() < 0.2:
        return [rng.choice((None, "")), False, followup, comment]
    full = [value(rng), deleted, followup, rng.choice((None, comment))]
    return full[: rng.randint(1, 4)]


SPACES = ("", "", " ", "\n", "\r\n\t", "   ")


@dataclass(frozen=True)
class Style:
    """How JSON is written: `loose` has white space anywhere and strings with escapes."""

    rng: random.Random
    loose: bool

    def space(self) -> str:
        """White space, or none."""
        return SPACES[int(self.rng.random() * len(SPACES))] if self.loose else ""

    def text(self, text: str) -> str:
        """A string."""
        if not self.loose or self.rng.random() < 0.8:
            return json.dumps(text, ensure_ascii=self.rng.random() < 0.3 or not text.isprintable())
        return '"' + "".join(map(self._character, text)) + '"'

    def _character(self, character: str) -> str:
        if self.rng.random() < 0.4 or ord(character) < 32 or "\ud800" <= character <= "\udfff" or character in '"\\':
            units = character.encode("utf-16-be", "surrogatepass")
            code = "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
            return "\\u" + code[2:].upper() if len(code) == 6 and self.rng.random() < 0.5 else code
        return "\\/" if character == "/" and self.rng.random() < 0.5 else character

    def write(self, value: Json) -> str:
        """Any value."""
        if isinstance(value, Raw):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Object):
            members = (
                f"{self.space()}{self.text(k)}{self.space()}:{self.space()}{self.write(v)}{self.space()}"
                for k, v in value
            )
            return f"{{{','.join(members)}}}" if value else f"{{{self.space()}}}"
        if isinstance(value, list):
            items = (f"{self.space()}{self.write(item)}{self.space()}" for item in value)
            return f"[{','.join(items)}]" if value else f"[{self.space()}]"
        return {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]


def written(rng: random.Random, group: Group, *, loose: bool | None = None) -> bytes:
    """A group as JSON: as the writer has it, a row a line, or loosely."""
    style = Style(rng, rng.random() < 0.6 if loose is None else loose)
    if style.loose:
        return f"{style.space()}{style.write(group.members)}{style.space()}".encode("utf-8", "surrogatepass")
    text = style.write(group.members).replace('"data":[[', '"data":[\n[').replace("],[", "],\n[")
    return (text + "\n").encode("utf-8", "surrogatepass")
