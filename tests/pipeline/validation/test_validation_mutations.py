"""What breaks a group and what validation says of it: each kind of damage at random places of random good groups.

Whatever is done to a group, exactly one finding comes of it, with the code and the place of what was done; all other
rows and all other groups of the file stand.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.checking import check_against
from support.value_texts import WORDS
from tallyport.validation import validate as validating
from tallyport.validation.report import FileReport
from tallyport.validation.validate import validate
from tallyport_converters.adv2.row_check import RowCheck, row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_schemas.finding import listed, shown
from tallyport_schemas.group_header import GroupHeader
from tallyport_schemas.value_types import ValueType
from twin.groups import TEXTS, Group, Json, Object, Raw, Style, draw_group, draw_value, names, uid, written

V = ValueType
T = TypeVar("T")


@dataclass(frozen=True)
class Damage:
    """What must be said: the code, the field, the row (None: of the header), and what was found, where it is told."""

    code: str
    field: str | None
    row: int | None = None
    found: str | None = None


Mutation = Callable[[random.Random, Group], Damage | None]
"""Damages a good group; None if it has no place for that."""

HEADER: dict[str, Mutation] = {}
LATE: dict[str, Mutation] = {}
ROWS: dict[str, Mutation] = {}


def kind_of(table: dict[str, Mutation], says: str) -> Callable[[Mutation], Mutation]:
    """Enter a mutation into a table."""

    def enter(mutation: Mutation) -> Mutation:
        assert says not in table
        table[says] = mutation
        return mutation

    return enter


def as_text(value: Json) -> str:
    return Style(random.Random(1), loose=False).write(value)


def always(value: T) -> Callable[..., T]:
    return lambda *_: value


# What the header's rules are about.

DIMENSIONS = ("pe", "ou", "coc", "aoc")
OPTIONS = ("co", "ao")
PARTNER = {"coc": "co", "co": "coc", "aoc": "ao", "ao": "aoc"}
KIND_OF = {name: name for name in ("ds", "cc", "de", "ou", "coc", "aoc")} | {"co": "co", "ao": "co"}


def scheme_of(group: Group, kind: str) -> str:
    if not group.has("ids"):
        return "UID"
    ids = group.get("ids")
    return str(dict(ids).get(kind, "UID")) if isinstance(ids, Object) else str(ids)


def listing(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list) else [value]


def replaced(rng: random.Random, items: Sequence[T], item: T) -> list[T]:
    changed = list(items)
    changed[rng.randrange(len(changed))] = item
    return changed


def inserted(rng: random.Random, items: Sequence[T], item: T) -> list[T]:
    changed = list(items)
    changed.insert(rng.randint(0, len(changed)), item)
    return changed


def in_place(rng: random.Random, group: Group, name: str, change: Callable[[list[Json]], Json]) -> str | None:
    """Change one dimension, of `co` and `ao` one category; returns the field, None if the group has none."""
    if not group.has(name):
        return None
    value = group.get(name)
    if name not in OPTIONS:
        group.put(name, change(listing(value)))
        return name
    assert isinstance(value, list)
    at = rng.randrange(len(value))
    if isinstance(value, Object):
        category, options = value[at]
        changed = Object(value)
        changed[at] = (category, change(listing(options)))
        group.put(name, changed)
        return f"{name}.{shown(category)}"
    group.put(name, [*value[:at], change(listing(value[at])), *value[at + 1 :]])
    return f"{name}[{at}]"


def unknown(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage:
        group.head = inserted(rng, group.head, (name, rng.choice((None, "x", Raw("1"), [], Object()))))
        return Damage("TP501", shown(name) or '""')

    return mutate


for name in ("comment", "Size", "period", "", "na\nme", "data "):
    kind_of(HEADER, f"a property {name!r} is unknown")(unknown(name))


def repeated(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        if not group.has(name):
            return None
        group.head = inserted(rng, group.head, (name, group.get(name)))
        return Damage("TP502", name)

    return mutate


for name in ("ids", "ds", "cc", "de", "pe", "ou", "coc", "co", "aoc", "ao", "delete", "size"):
    kind_of(HEADER, f"{name} stands twice")(repeated(name))


def repeated_within(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        value = group.get(name) if group.has(name) else None
        if not isinstance(value, Object) or not value:
            return None
        key, part = rng.choice(value)
        group.put(name, Object(inserted(rng, value, (key, part))))
        return Damage("TP502", name, found=listed([key]))

    return mutate


for name in ("ids", "co", "ao"):
    kind_of(HEADER, f"{name} has a key twice")(repeated_within(name))


def missing(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage:
        group.drop(name)
        return Damage("TP503", name)

    return mutate


for name in ("de", "pe", "ou", "size"):
    kind_of(HEADER, f"{name} is missing")(missing(name))


@kind_of(HEADER, "data is missing though size is not 0")
def _(rng: random.Random, group: Group) -> Damage | None:
    if not group.rows:
        return None
    group.rows = None
    return Damage("TP503", "data")


def no_text(rng: random.Random) -> Json:
    return rng.choice((None, True, False, Raw("1"), Raw("202401"), Raw("-1.5e3"), Object([("a", "b")])))


WRONG: dict[str, Sequence[Json]] = {
    "ids": (None, True, Raw("1"), ["CODE"], []),
    "ds": (None, False, Raw("7"), ["dsANC000001"], Object()),
    "cc": (None, True, Raw("7"), ["ccANC000001"], Object()),
    "de": (None, True, Raw("0"), ["deVisits001"], Object()),
    "pe": (None, True, Raw("202401"), Object([("202401", "202402")])),
    "ou": (None, False, Raw("1"), Object()),
    "coc": (None, True, Raw("1"), Object()),
    "co": (None, True, Raw("1"), "cocFixed001"),
    "aoc": (None, True, Raw("1"), Object([("a", "b")])),
    "ao": (None, False, Raw("1"), ""),
    "size": (None, True, "1", "", [], Object(), Raw("-1"), Raw("1.0"), Raw("1.5"), Raw("1e1"), Raw("-0")),
    "data": (None, True, Raw("0"), "", Object()),
}


def wrong(name: str, value: Json) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        if name in PARTNER and group.has(PARTNER[name]):
            return None
        if name == "data":
            group.rows = None
            group.head = inserted(rng, group.head, ("data", value))
        else:
            group.put(name, value)
        return Damage("TP504", name)

    return mutate


for name, values in WRONG.items():
    for value in values:
        kind_of(HEADER, f"{name} is {as_text(value)}, a type it cannot have")(wrong(name, value))


def wrong_item(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        field = in_place(rng, group, name, lambda items: replaced(rng, items, no_text(rng)))
        return (field and Damage("TP504", field)) or None

    return mutate


for name in (*DIMENSIONS, *OPTIONS):
    kind_of(HEADER, f"{name} lists what is no text")(wrong_item(name))


@kind_of(HEADER, "options of a category by place are no array")
def _(rng: random.Random, group: Group) -> Damage | None:
    name = rng.choice(OPTIONS)
    if not group.has(name) or isinstance(group.get(name), Object):
        return None
    field = in_place(rng, group, name, lambda items: items[0])
    return (field and Damage("TP504", field)) or None


@kind_of(HEADER, "the scheme of a kind is no text")
def _(rng: random.Random, group: Group) -> Damage | None:
    ids = group.get("ids") if group.has("ids") else Object()
    if not isinstance(ids, Object):
        return None
    kind = rng.choice(("ds", "de", "ou", "cc", "c", "co", "coc", "aoc"))
    group.put("ids", Object([*((k, v) for k, v in ids if k != kind), (kind, no_text(rng))]))
    return Damage("TP504", f"ids.{kind}")


def exclusive(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        if not group.has(name):
            return None
        other = PARTNER[name]
        scheme = scheme_of(group, KIND_OF[other])
        one = names(rng, 1, scheme)
        value: Json = rng.choice((one[0], list(one))) if other not in OPTIONS else [list(one)]
        group.head = inserted(rng, group.head, (other, value))
        return Damage("TP505", "coc, co" if name in ("coc", "co") else "aoc, ao")

    return mutate


for name, partner in PARTNER.items():
    kind_of(HEADER, f"{name} stands beside {partner}")(exclusive(name))


def twice(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        chosen: list[Json] = []

        def change(items: list[Json]) -> Json:
            chosen.append(rng.choice(items))
            return inserted(rng, items, chosen[0])

        field = in_place(rng, group, name, change)
        return Damage("TP506", field, found=listed([str(chosen[0])])) if field else None

    return mutate


for name in (*DIMENSIONS, *OPTIONS):
    kind_of(HEADER, f"{name} names an identifier twice")(twice(name))

NO_UIDS = ("x", "1bcdefghijk", "abcdefghij-", "abcdefghijkl", "abcdefghij", "äbcdefghijk", " bcdefghijk", "a cdefghijk")
UNSTORABLE = ("\0", "a\0b", "\ud800", "x\udfff")


def ill_formed(name: str, *, uid: bool) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        if (scheme_of(group, KIND_OF[name]) == "UID") != uid:
            return None
        bad = rng.choice(NO_UIDS if uid else UNSTORABLE)
        if name in ("ds", "cc", "de"):
            if not group.has(name):
                return None
            group.put(name, bad)
            return Damage("TP507", name, found=listed([bad]))
        field = in_place(rng, group, name, lambda items: replaced(rng, items, bad))
        return Damage("TP507", field, found=listed([bad])) if field else None

    return mutate


def ill_formed_category(name: str, *, uid: bool) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        value = group.get(name) if group.has(name) else None
        if not isinstance(value, Object) or (scheme_of(group, "c") == "UID") != uid:
            return None
        bad = rng.choice(NO_UIDS if uid else UNSTORABLE)
        at = rng.randrange(len(value))
        changed = Object(value)
        changed[at] = (bad, value[at][1])
        group.put(name, changed)
        return Damage("TP507", f"{name} categories", found=listed([bad]))

    return mutate


for is_uid, how in ((True, "no UID where ids says so"), (False, "no text that can be stored")):
    for name in ("ds", "cc", "de", "ou", "coc", "co", "aoc", "ao"):
        kind_of(HEADER, f"an identifier of {name} is {how}")(ill_formed(name, uid=is_uid))
    for name in OPTIONS:
        kind_of(HEADER, f"a category of {name} is {how}")(ill_formed_category(name, uid=is_uid))

NO_PERIODS = ("202413", "2024M1", "2021W53", "20240230", "LAST_MONTH", "x", "2024Q5", " 202401", "202401 ", "2024/01")
UNUSUAL = ("2023-01", "2023-12-31", "2023W01")

for says, texts in (("is none", NO_PERIODS), ("is not in its usual form", UNUSUAL)):

    def period(rng: random.Random, group: Group, texts: Sequence[str] = texts) -> Damage | None:
        bad = rng.choice(texts)
        in_place(rng, group, "pe", lambda items: replaced(rng, items, bad))
        return Damage("TP508", "pe", found=listed([bad]))

    kind_of(HEADER, f"a period {says}")(period)


@kind_of(HEADER, "ids names no scheme")
def _(rng: random.Random, group: Group) -> Damage:
    scheme = rng.choice(
        ("UUID", "", "ATTRIBUTE:", "ATTRIBUTE:short", "attribute", "CODE ", "code", "Name", "ATTRIBUTE:12345678901")
    )
    group.put("ids", scheme)
    return Damage("TP509", "ids", found=scheme)


@kind_of(HEADER, "ids names no scheme for a kind")
def _(rng: random.Random, group: Group) -> Damage | None:
    ids = group.get("ids") if group.has("ids") else Object()
    if not isinstance(ids, Object):
        return None
    kind, scheme = (
        rng.choice(("ds", "de", "ou", "cc", "c", "co", "coc", "aoc")),
        rng.choice(("UUID", "", "code", "ATTRIBUTE:")),
    )
    group.put("ids", Object([*((k, v) for k, v in ids if k != kind), (kind, scheme)]))
    return Damage("TP509", f"ids.{kind}", found=scheme)


@kind_of(HEADER, "ids names an unknown kind")
def _(rng: random.Random, group: Group) -> Damage | None:
    ids = group.get("ids") if group.has("ids") else Object()
    if not isinstance(ids, Object):
        return None
    group.put("ids", Object(inserted(rng, ids, (rng.choice(("pe", "user", "CO", "ao")), "CODE"))))
    return Damage("TP509", "ids")


@kind_of(HEADER, "delete says neither soft nor hard")
def _(rng: random.Random, group: Group) -> Damage:
    group.put("delete", rng.choice((None, True, False, "", "all", "SOFT", " hard", Raw("1"), ["soft"], Object())))
    return Damage("TP511", "delete")


def empty(name: str, value: Json) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        if name in PARTNER and group.has(PARTNER[name]):
            return None
        group.put(name, value)
        return Damage("TP512", name)

    return mutate


for name in ("ds", "cc", "de", *DIMENSIONS):
    kind_of(HEADER, f"{name} is an empty text")(empty(name, ""))
for name in (*DIMENSIONS, *OPTIONS):
    kind_of(HEADER, f"{name} is an empty array")(empty(name, []))
for name in OPTIONS:
    kind_of(HEADER, f"{name} is an empty object")(empty(name, Object()))


def empty_item(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        field = in_place(rng, group, name, lambda items: replaced(rng, items, ""))
        return Damage("TP512", field) if field else None

    return mutate


def empty_category(name: str) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        field = in_place(rng, group, name, always([]))
        return Damage("TP512", field) if field else None

    return mutate


for name in (*DIMENSIONS, *OPTIONS):
    kind_of(HEADER, f"{name} lists an empty text")(empty_item(name))
for name in OPTIONS:
    kind_of(HEADER, f"a category of {name} has no options")(empty_category(name))


@kind_of(HEADER, "a category has an empty name")
def _(rng: random.Random, group: Group) -> Damage | None:
    name = rng.choice(OPTIONS)
    value = group.get(name) if group.has(name) else None
    if not isinstance(value, Object):
        return None
    at = rng.randrange(len(value))
    changed = Object(value)
    changed[at] = ("", value[at][1])
    group.put(name, changed)
    return Damage("TP512", name)


@kind_of(HEADER, "there are more categories than any category combo has")
def _(rng: random.Random, group: Group) -> Damage | None:
    name = rng.choice(OPTIONS)
    if group.has(PARTNER[name]):
        return None
    group.put(name, [names(rng, 1) for _ in range(65)])
    return Damage("TP513", name)


@kind_of(HEADER, "the dimensions span too many keys")
def _(rng: random.Random, group: Group) -> Damage | None:
    if group.has("coc"):
        return None
    group.put("co", [names(rng, 4, scheme_of(group, "co")) for _ in range(64)])
    return Damage("TP513", "co, ao")


# What shows behind the rows only.


def misstated(by: int) -> Mutation:
    def mutate(rng: random.Random, group: Group) -> Damage | None:
        rows = group.rows or []
        if len(rows) + by < 0 or group.rows is None:
            return None
        group.put("size", Raw(len(rows) + by))
        return Damage("TP514", "size", found="1 row" if len(rows) == 1 else f"{len(rows):,} rows")

    return mutate


for by, says in ((1, "one more"), (-1, "one less"), (1_000_000_000_000, "far more")):
    kind_of(LATE, f"size says {says} than there are rows")(misstated(by))


@kind_of(LATE, "rows are cut out")
def _(rng: random.Random, group: Group) -> Damage | None:
    if not group.rows:
        return None
    first = rng.randrange(len(group.rows))
    del group.rows[first : rng.randint(first + 1, len(group.rows))]
    return Damage("TP514", "size")


@kind_of(LATE, "an unknown property follows data")
def _(rng: random.Random, group: Group) -> Damage | None:
    if group.rows is None:
        return None
    group.tail = [("x", rng.choice((None, Raw("1"), "y", [["z"]], Object([("a", [])]))))]
    return Damage("TP510", "data", found="x")


@kind_of(LATE, "a property of the header follows data")
def _(rng: random.Random, group: Group) -> Damage | None:
    name = rng.choice(("ds", "cc", "delete"))
    if group.rows is None or not group.has(name):
        return None
    group.tail = [(name, group.get(name))]
    group.drop(name)
    return Damage("TP510", "data", found=name)


@kind_of(LATE, "a second data follows data")
def _(rng: random.Random, group: Group) -> Damage | None:
    if group.rows is None:
        return None
    group.tail = [("data", rng.choice((list(group.rows), [], [Raw("1"), "x"])))] * rng.randint(1, 3)
    return Damage("TP510", "data", found=", ".join(["data"] * len(group.tail)))


# What is wrong with single rows.


def on_a_row(change: Callable[[random.Random, list[Json], int, Group], tuple[Json, Damage] | None]) -> Mutation:
    """A mutation of one row, given its elements and how many of them are indexes."""

    def mutate(rng: random.Random, group: Group) -> Damage | None:
        if not group.rows:
            return None
        at = rng.randrange(len(group.rows))
        row = group.rows[at]
        assert isinstance(row, list)
        changed = change(rng, list(row), len(group.places), group)
        if changed is None:
            return None
        group.rows[at], damage = changed
        return Damage(damage.code, damage.field, at, damage.found)

    return mutate


for value in (None, True, Raw("5"), "x", Object(), Object([("value", Raw("1"))])):

    def no_array(
        rng: random.Random, row: list[Json], places: int, group: Group, value: Json = value
    ) -> tuple[Json, Damage]:
        return value, Damage("TP601", None)

    kind_of(ROWS, f"a row is {as_text(value)}, no array")(on_a_row(no_array))


@kind_of(ROWS, "a row ends before its value")
@on_a_row
def _(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage]:
    return row[: rng.randint(0, places)], Damage("TP602", None)


def payload(row: list[Json], places: int) -> list[Json]:
    """A row with all its defaults."""
    defaults: list[Json] = [None, False, None, None]
    return [*row, *defaults[len(row) - places :]]


@kind_of(ROWS, "a row goes on behind its comment")
@on_a_row
def _(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage]:
    extra: list[Json] = [rng.choice((None, "", Raw("1"), [])) for _ in range(rng.randint(1, 3))]
    return [*payload(row, places), *extra], Damage("TP603", None)


@kind_of(ROWS, "a row has an index for a dimension of one identifier")
@on_a_row
def _(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage] | None:
    full = payload(row, places)
    if isinstance(full[places], bool) or places == 0:
        return None
    # The value now stands where the deleted flag belongs.
    return [*row[:places], Raw("0"), *row[places:]], Damage("TP610", "deleted")


def bad_index(code: str, bad: Callable[[random.Random, int], Json]) -> Mutation:
    @on_a_row
    def mutate(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage] | None:
        if not places:
            return None
        at = rng.randrange(places)
        name, size = group.places[at]
        row[at] = bad(rng, size)
        return row, Damage(code, name)

    return mutate


NO_INDEXES: dict[str, Json] = {
    "null": None,
    "a flag": False,
    "a text": "0",
    "an array": [Raw("0")],
    "an object": Object(),
    "a number with a fraction": Raw("0.0"),
    "a number with an exponent": Raw("0e0"),
}
for says, value in NO_INDEXES.items():
    kind_of(ROWS, f"an index is {says}")(bad_index("TP604", always(value)))

kind_of(ROWS, "an index is one too large")(bad_index("TP605", lambda _, size: Raw(size)))
kind_of(ROWS, "an index is below zero")(
    bad_index("TP605", lambda rng, _: Raw(rng.choice(("-1", "-0", "-99999999999"))))
)
kind_of(ROWS, "an index is far too large")(
    bad_index("TP605", lambda rng, _: Raw(rng.choice(("4294967296", "9999999999", "18446744073709551616", "1" * 400))))
)


def element(position: int, code: str, field: str, bad: Callable[[random.Random], Json]) -> Mutation:
    """A mutation of what follows the indexes: 0 value, 1 deleted, 2 follow-up, 3 comment."""

    @on_a_row
    def mutate(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage]:
        full = payload(row, places)
        full[places + position] = bad(rng)
        return full[: max(len(row), places + position + 1)], Damage(code, field)

    return mutate


def too_long(limit: int) -> Callable[[random.Random], str]:
    def draw(rng: random.Random) -> str:
        return rng.choice(("x" * (limit + 1), "é" * (limit + 1), "😀" * (limit // 2) + "é", "\x7f" + "日" * limit))

    return draw


def unstorable(rng: random.Random) -> str:
    text = rng.choice(TEXTS)
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(("\0", "\ud800", "\udc00", "\udbff\ud800")) + text[at:]


kind_of(ROWS, "a value is an array")(element(0, "TP608", "value", lambda rng: rng.choice(([], [Raw("1")], ["x"]))))
kind_of(ROWS, "a value is an object")(element(0, "TP608", "value", lambda rng: Object([("a", rng.choice((None, [])))])))
kind_of(ROWS, "a value is too long")(element(0, "TP216", "value", too_long(50_000)))
kind_of(ROWS, "a number is too long")(element(0, "TP216", "value", always(Raw("1" * 50_001))))
kind_of(ROWS, "a value cannot be stored")(element(0, "TP613", "value", unstorable))
kind_of(ROWS, "a comment cannot be stored")(element(3, "TP613", "comment", unstorable))
kind_of(ROWS, "a comment is too long")(element(3, "TP222", "comment", too_long(5_000)))

OUT_OF_TYPE: Sequence[tuple[int, str, str, Sequence[Json]]] = (
    (1, "TP610", "deleted", (None, Raw("1"), "true", [])),
    (2, "TP611", "followup", (Raw("0"), "false", [True], Object())),
    (3, "TP612", "comment", (Raw("1"), True, ["x"], Object())),
)
for position, code, name, wrong_elements in OUT_OF_TYPE:
    for value in wrong_elements:
        kind_of(ROWS, f"{name} of a row is {as_text(value)}")(element(position, code, name, always(value)))


@kind_of(ROWS, "a row says nothing: no value, no comment, not deleted")
@on_a_row
def _(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage]:
    nothing: list[Json] = [rng.choice((None, "")), False, rng.choice((None, True)), rng.choice((None, ""))]
    return [*row[:places], *nothing[: rng.randint(1, 4)]], Damage("TP609", "value")


@kind_of(ROWS, "a key is given twice")
def _(rng: random.Random, group: Group) -> Damage | None:
    if not group.rows:
        return None
    places = group.places
    block = sum(name in ("pe", "ou") for name, _ in places)
    at = rng.randrange(len(group.rows))
    row = group.rows[at]
    assert isinstance(row, list)
    behind = at + 1
    while behind < len(group.rows) and list(group.rows[behind])[:block] == row[:block]:  # type: ignore[call-overload]
        behind += 1
    behind = rng.randint(at + 1, behind)
    group.rows.insert(behind, [*row[: len(places)], draw_value(rng)])
    group.put("size", Raw(len(group.rows)))
    return Damage("TP607", None, behind)


@kind_of(ROWS, "a row comes behind those of a later block")
def _(rng: random.Random, group: Group) -> Damage | None:
    places = group.places
    block = sum(name in ("pe", "ou") for name, _ in places)
    rows = [row for row in group.rows or () if isinstance(row, list)]
    early = [row for row in rows if row[:block] != rows[-1][:block]]
    if not early or group.rows is None:
        return None
    group.rows.append([*rng.choice(early)[: len(places)], draw_value(rng)])
    group.put("size", Raw(len(rows) + 1))
    return Damage("TP606", None, len(rows))


# What metadata forbid. For each value type texts that it takes are in the table of the types; here is one it refuses.

REFUSED: dict[ValueType, tuple[str, str]] = {
    V.NUMBER: ("TP201", "1,5"),
    V.UNIT_INTERVAL: ("TP202", "1.01"),
    V.PERCENTAGE: ("TP202", "100.1"),
    V.INTEGER: ("TP203", "1.5"),
    V.INTEGER_POSITIVE: ("TP202", "0"),
    V.INTEGER_NEGATIVE: ("TP202", "0"),
    V.INTEGER_ZERO_OR_POSITIVE: ("TP202", "-1"),
    V.BOOLEAN: ("TP204", "maybe"),
    V.TRUE_ONLY: ("TP205", "false"),
    V.DATE: ("TP206", "2024-02-30"),
    V.AGE: ("TP206", "31.12.2024"),
    V.DATETIME: ("TP207", "2024-01-01"),
    V.TIME: ("TP208", "24:00"),
    V.LETTER: ("TP209", "ab"),
    V.EMAIL: ("TP210", "nobody"),
    V.URL: ("TP211", "www.who.int"),
    V.PHONE_NUMBER: ("TP212", "12345"),
    V.USERNAME: ("TP213", "ab"),
    V.COORDINATE: ("TP214", "[181,0]"),
    V.ORGANISATION_UNIT: ("TP215", "Bo"),
    V.FILE_RESOURCE: ("TP215", "file"),
    V.IMAGE: ("TP215", "image"),
}

CODES = ("A", "B", "C d", "Ä")
FILES = ("fbfJHSPpUQD", "a0000000000")
ASKED: dict[str, tuple[RowRules, tuple[str, ...], Json, Damage]] = {
    f"a value is no {kind}": (RowRules(kind), tuple(WORDS[kind][0].split()), bad, Damage(code, "value", found=bad))
    for kind, (code, bad) in REFUSED.items()
} | {
    "a value is no option": (RowRules("TEXT", frozenset(CODES)), CODES, "D", Damage("TP218", "value", found="D")),
    "a value is an option in other letter case": (
        RowRules("TEXT", frozenset(CODES)),
        CODES,
        "a",
        Damage("TP218", "value"),
    ),
    "a number is no option": (
        RowRules("INTEGER", frozenset(("1", "2"))),
        ("1", "2", "2.0"),
        Raw("3"),
        Damage("TP218", "value", found="3"),
    ),
    "a value names a thing that is no option among several": (
        RowRules("MULTI_TEXT", frozenset(CODES), multi=True),
        ("A", "A,B", "Ä,C d", "B,"),
        "A,D",
        Damage("TP219", "value", found="A,D"),
    ),
    "a value is no known file": (
        RowRules("FILE_RESOURCE", file_resources=frozenset(FILES)),
        FILES,
        "b0000000000",
        Damage("TP217", "value"),
    ),
    "a value is a flag where a number belongs": (
        RowRules("NUMBER"),
        ("1", "2.5"),
        True,
        Damage("TP201", "value", found="true"),
    ),
}


# The tests.


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A file in memory, if there is such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder) / "case.adv2.json"


seeds = st.integers(0, 2**32)
thorough = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def damaged(rng: random.Random, mutation: Mutation, draw: Callable[[], Group]) -> tuple[Group, Damage]:
    """Draw groups until one has a place for the damage."""
    for _ in range(2_000):
        group = draw()
        damage = mutation(rng, group)
        if damage:
            return group, damage
    raise AssertionError("no group has a place for it")


def judged(rng: random.Random, place: Path, group: Group) -> tuple[FileReport, int, int]:
    """Validate a group, alone or between good ones; returns the report, its number in the file, and the exit code."""
    before, behind = (rng.choice((0, 0, 1, 2)) for _ in range(2))
    texts = [written(rng, draw_group(rng)) for _ in range(before + behind)]
    texts.insert(before, written(rng, group))
    is_array = len(texts) > 1 or rng.random() < 0.2
    place.write_bytes(b"[" + b",".join(texts) + b"]" if is_array else texts[0])
    report = validate([place])
    [file] = report.files
    assert file.error is None
    assert len(file.groups) == len(texts)
    for number, other in enumerate(file.groups):
        if number != before:
            assert (other.result.valid, other.findings) == (True, [])
            assert other.result.accepted == other.result.read == other.result.declared
    return file, before, report.exit_code


def check_said(file: FileReport, number: int, damage: Damage) -> None:
    """Hold all that was said of a group to its damage."""
    group = file.groups[number]
    for found in group.findings:
        check_against("finding", found.as_json())
    assert [(found.code, found.field, found.row) for found in group.findings] == [
        (damage.code, damage.field, damage.row)
    ]
    if damage.found is not None:
        assert group.findings[0].found == shown(damage.found) or group.findings[0].found == damage.found


def test_there_are_kinds_of_damage_for_every_code() -> None:
    assert len(HEADER) + len(LATE) + len(ROWS) + len(ASKED) >= 200
    rng = random.Random(1)
    said: set[str] = set()
    for mutation in [*HEADER.values(), *LATE.values(), *ROWS.values()]:
        said.add(damaged(rng, mutation, lambda: draw_group(rng))[1].code)
    said |= {damage.code for _, _, _, damage in ASKED.values()}
    comments, elsewhere = {"TP220", "TP221"}, {"TP223"}
    assert {f"TP5{i:02}" for i in range(1, 15)} | {f"TP6{i:02}" for i in range(1, 14)} <= said
    assert {f"TP2{i:02}" for i in range(1, 23)} - comments - elsewhere <= said


@given(seed=seeds)
@settings(thorough, max_examples=200)
def test_good_group_has_no_finding(place: Path, seed: int) -> None:
    rng = random.Random(seed)
    group = draw_group(rng)
    rows = len(group.rows or ())
    file, number, exit_code = judged(rng, place, group)
    result = file.groups[number].result
    assert file.groups[number].findings == []
    assert (result.valid, result.declared, result.read, result.accepted, result.ignored) == (True, rows, rows, rows, 0)
    assert exit_code == 0


@pytest.mark.parametrize("says", HEADER)
@given(seed=seeds)
@thorough
def test_damage_to_a_header_fails_the_group(place: Path, says: str, seed: int) -> None:
    rng = random.Random(seed)
    group, damage = damaged(rng, HEADER[says], lambda: draw_group(rng))
    file, number, exit_code = judged(rng, place, group)
    check_said(file, number, damage)
    result = file.groups[number].result
    assert (result.valid, result.accepted, result.ignored) == (False, 0, result.read)
    assert result.read == len(group.rows or ())
    assert result.findings == []  # it was said before a row was read
    assert exit_code == 3


@pytest.mark.parametrize("says", LATE)
@given(seed=seeds)
@thorough
def test_damage_that_shows_behind_the_rows_fails_the_group(place: Path, says: str, seed: int) -> None:
    rng = random.Random(seed)
    group, damage = damaged(rng, LATE[says], lambda: draw_group(rng))
    file, number, exit_code = judged(rng, place, group)
    check_said(file, number, damage)
    result = file.groups[number].result
    assert (result.valid, result.accepted, result.ignored) == (False, 0, result.read)
    assert result.read == len(group.rows or ())
    assert exit_code == 3


@pytest.mark.parametrize("says", ROWS)
@given(seed=seeds)
@thorough
def test_damage_to_a_row_ignores_that_row_and_no_other(place: Path, says: str, seed: int) -> None:
    rng = random.Random(seed)
    group, damage = damaged(rng, ROWS[says], lambda: draw_group(rng))
    file, number, exit_code = judged(rng, place, group)
    check_said(file, number, damage)
    check_one_ignored(file, number, group, exit_code)


def check_one_ignored(file: FileReport, number: int, group: Group, exit_code: int) -> None:
    result = file.groups[number].result
    rows = len(group.rows or ())
    assert (result.valid, result.declared, result.read) == (True, rows, rows)
    assert (result.accepted, result.ignored) == (rows - 1, 1)
    assert exit_code == 1


def with_rules(monkeypatch: pytest.MonkeyPatch, rules: RowRules) -> None:
    """Let metadata say the same of every group."""

    def check(header: GroupHeader, _: RowRules | None, *, memory_bytes: int) -> RowCheck:
        return row_check(header, rules, memory_bytes=memory_bytes)

    monkeypatch.setattr(validating, "row_check", check)


def as_json(rng: random.Random, text: str) -> Json:
    """A value as a text, or as a number if it is one that JSON can write."""
    plain = text.removeprefix("-").replace(".", "", 1)
    is_number = (
        plain.isascii() and plain.isdigit() and text[-1] != "." and (text.lstrip("-") + ".")[:2] in NUMBER_STARTS
    )
    return Raw(text) if is_number and rng.random() < 0.7 else text


NUMBER_STARTS = {f"{i}{c}" for i in range(1, 10) for c in "0123456789."} | {"0."}


@pytest.mark.parametrize("says", ASKED)
@given(seed=seeds)
@thorough
def test_value_that_the_metadata_forbid_ignores_its_row(place: Path, says: str, seed: int) -> None:
    rng = random.Random(seed)
    rules, good, bad, damage = ASKED[says]

    @on_a_row
    def spoil(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage]:
        row[places] = as_json(rng, bad) if isinstance(bad, str) else bad
        return row, damage

    def draw() -> Group:
        return draw_group(rng, lambda rng: as_json(rng, rng.choice(good)))

    group, said = damaged(rng, spoil, draw)
    place.write_bytes(written(rng, group))
    with pytest.MonkeyPatch.context() as monkeypatch:
        with_rules(monkeypatch, rules)
        report = validate([place])
    check_said(report.files[0], 0, said)
    check_one_ignored(report.files[0], 0, group, report.exit_code)


@pytest.mark.parametrize(("code", "comment"), [("TP220", "D"), ("TP220", "a"), ("TP221", None), ("TP221", "")], ids=str)
@given(seed=seeds)
@thorough
def test_comment_that_the_metadata_forbid_ignores_its_row(
    place: Path, code: str, comment: str | None, seed: int
) -> None:
    rng = random.Random(seed)

    @on_a_row
    def spoil(rng: random.Random, row: list[Json], places: int, group: Group) -> tuple[Json, Damage] | None:
        if row[places + 1] or not row[places]:
            return None
        return [*row[: places + 3], comment], Damage(code, "comment", found=comment or "no comment")

    def draw() -> Group:
        group = draw_group(rng, comments=CODES)
        places = len(group.places)
        for row in group.rows or ():
            assert isinstance(row, list)
            row[:] = payload(row, places)
            if not row[places + 1] or row[-1] is not None:  # a deleted row needs no comment
                row[-1] = rng.choice(CODES)
        return group

    group, damage = damaged(rng, spoil, draw)
    place.write_bytes(written(rng, group))
    with pytest.MonkeyPatch.context() as monkeypatch:
        with_rules(monkeypatch, RowRules(comment_codes=frozenset(CODES)))
        report = validate([place])
    check_said(report.files[0], 0, damage)
    check_one_ignored(report.files[0], 0, group, report.exit_code)


# What single examples show best.

GROUP = '{"de":"deVisits001","pe":["202401","202402"],"ou":["ouClinicA01","ouClinicB01"],"size":%d,"data":[%s]}'


def report_of(place: Path, rows: Sequence[str]) -> FileReport:
    place.write_text(GROUP % (len(rows), ",\n".join(rows)))
    return validate([place]).files[0]


def test_one_row_that_jumps_ahead_makes_those_behind_it_late_and_they_share_a_finding(place: Path) -> None:
    file = report_of(place, ["[0,0,1]", "[1,1,2]", "[0,1,3]", "[1,0,4]", "[0,0,5]", "[1,1,6]"])
    late, again = file.groups[0].findings
    assert (late.code, late.row, late.count) == ("TP606", 2, 3)
    assert late.expected == "a place at or after that of row 1, where the rows had come to"
    assert (again.code, again.row) == ("TP607", 5)
    assert file.groups[0].result.accepted == 2


def test_neighbours_that_share_a_flaw_share_a_finding_and_others_do_not(place: Path) -> None:
    file = report_of(place, ["[0,0,1]", "[2,0,1]", "[7,0,1]", "[0,2,1]", "[0,1,1]", "[0,2,1]", "[]", "[0]", "[0,1]"])
    said = [(found.code, found.field, found.row, found.count) for found in file.groups[0].findings]
    assert said == [
        ("TP605", "pe", 1, 2),
        ("TP605", "ou", 3, None),
        ("TP605", "ou", 5, None),
        ("TP602", None, 6, 3),
    ]


@pytest.mark.parametrize("block_bytes", [16, 100, 1 << 20])
def test_how_a_file_falls_into_blocks_does_not_show(
    place: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr("tallyport_converters.adv2.file.BLOCK_BYTES", block_bytes)
    file = report_of(place, ["[0,0,1]", *["[0,0,2]"] * 500, *["[0,1,[]]"] * 500])
    assert [(found.code, found.row, found.count) for found in file.groups[0].findings] == [
        ("TP607", 1, 500),
        ("TP608", 501, 500),
    ]


def test_all_failures_of_a_header_are_listed(place: Path) -> None:
    place.write_text(
        '{"ids":{"ou":"code","x":"UID"},"de":1,"pe":["2024-01","x","202401","202401"],"ou":["A","A",""],"foo":0,'
        '"coc":"short","co":{"Age":["a",2]},"delete":"all","size":"3","de":"b"}'
    )
    [group] = validate([place]).files[0].groups
    assert {(found.code, found.field) for found in group.findings} == {
        ("TP501", "foo"),
        ("TP502", "de"),
        ("TP504", "de"),
        ("TP504", "co.Age"),
        ("TP504", "size"),
        ("TP505", "coc, co"),
        ("TP506", "pe"),
        ("TP506", "ou"),
        ("TP507", "coc"),
        ("TP507", "co categories"),
        ("TP507", "co.Age"),
        ("TP508", "pe"),
        ("TP509", "ids"),
        ("TP509", "ids.ou"),
        ("TP511", "delete"),
        ("TP512", "ou"),
    }


def test_a_failure_lists_all_culprits(place: Path) -> None:
    place.write_text('{"de":"deVisits001","pe":"202401","ou":["x","ouClinicA01","y, z","x"],"size":0}')
    [twice, malformed] = validate([place]).files[0].groups[0].findings
    assert (twice.code, twice.found) == ("TP506", "x")
    assert (malformed.code, malformed.found) == ("TP507", 'x, "y, z"')


def test_a_size_behind_data_is_none_in_time(place: Path) -> None:
    place.write_text('{"de":"deVisits001","pe":"202401","ou":"ouClinicA01","data":[[1]],"size":1}')
    [group] = validate([place]).files[0].groups
    assert [(found.code, found.field, found.found) for found in group.findings] == [
        ("TP503", "size", None),
        ("TP510", "data", "size"),
    ]


def test_data_is_known_by_its_name_however_that_is_written(place: Path) -> None:
    place.write_text('{"de":"deVisits001","pe":"202401","ou":"ouClinicA01","size":1,"d\\u0061ta":[[1]]}')
    assert validate([place]).exit_code == 0


def test_a_file_may_hold_no_group_at_all(place: Path) -> None:
    place.write_text(" [ ]\n")
    report = validate([place])
    assert (report.files[0].groups, report.files[0].error, report.exit_code) == ([], None, 0)


def test_a_value_type_of_a_later_dhis2_is_not_checked_but_its_options_are(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_rules(monkeypatch, RowRules("HOLOGRAM", frozenset({"A"})))
    assert [found.code for found in report_of(place, ['[0,0,"A"]', '[0,1,"B"]']).groups[0].findings] == ["TP218"]
    with_rules(monkeypatch, RowRules("HOLOGRAM"))
    assert report_of(place, ['[0,0,"A"]', '[0,1,"B"]']).groups[0].findings == []


def test_uid_helper_draws_identifiers() -> None:
    assert len({uid(random.Random(i)) for i in range(100)}) == 100
