"""Repeats: rows of one key in different groups or files.

Groups whose headers share no period, no org unit or no option combo need no second look. The rows of others are read
again, data element by data element: keys are held of at most `KEYS` rows at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import polars as pl

from tallyport.analysis.statistics.distinct import Distinct
from tallyport_converters.adv2.file import Adv2File
from tallyport_converters.adv2.header_form import check_form
from tallyport_converters.adv2.row_batches import RowBatches
from tallyport_converters.adv2.row_check import row_check
from tallyport_converters.native.row_batch import ArrowBatch
from tallyport_converters.sources import Source
from tallyport_schemas.document import Document
from tallyport_schemas.finding import SourceUnreadable
from tallyport_schemas.group_header import GroupHeader

KEYS = 1_000_000
SAMPLES, PLACES = 5, 5
"""Keys that are shown of a data element, and places of each."""

_KEY = ("period", "org_unit", "category_option_combo", "attribute_option_combo")


@dataclass(slots=True)
class GroupKeys:
    """Which keys the rows of a group can have: the ids of its periods, org units, option and attribute combos."""

    file: int
    group: int
    sides: tuple[pl.Series, pl.Series, pl.Series, pl.Series]
    rows: int = 0


@dataclass(slots=True)
class RepeatPlace:
    """Where a row of a repeated key is."""

    file: str
    group: int
    row: int

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        return {"file": self.file, "group": self.group, "row": self.row}


@dataclass(slots=True)
class Repeat:
    """A key that several rows have, with the first of their places. `differs`: they do not say the same."""

    key: Mapping[str, str]
    count: int
    differs: bool
    places: Sequence[RepeatPlace]

    def as_json(self) -> Document:
        """Return it as a JSON object."""
        places = [place.as_json() for place in self.places]
        return {**self.key, "count": self.count, "differs": self.differs, "places": places}


@dataclass(slots=True)
class Repeats:
    """Rows whose key an earlier row has, how many keys are concerned, and of how many keys the values differ."""

    rows: int = 0
    keys: int = 0
    differing: int = 0
    samples: list[Repeat] = field(default_factory=list)


class KeyIds:
    """Ids of all that keys are made of."""

    def __init__(self, periods: Distinct, units: Distinct) -> None:
        self.periods, self.units, self.combos = periods, units, Distinct()

    def group(self, file: int, number: int, header: GroupHeader) -> GroupKeys:
        """Return which keys the rows of a group can have."""
        sides = (self._side(header, "co"), self._side(header, "ao"))
        return GroupKeys(file, number, (self.periods.ids(header.pe), self.units.ids(header.ou), *sides))

    def _side(self, header: GroupHeader, start: str) -> pl.Series:
        found = _dimensions(header, start)
        if len(found) == 1 and found[0][0] == f"{start}c":
            return self._identified(found[0][1])
        return pl.Series([self.combos.id(f"M{';'.join(name for name, _ in found)}")], dtype=pl.Int32)

    def _identified(self, identifiers: Sequence[str]) -> pl.Series:
        return pl.Series([self.combos.id(f"I{identifier}") for identifier in identifiers], dtype=pl.Int32)

    def keys(self, batch: ArrowBatch, header: GroupHeader, keys: GroupKeys) -> pl.DataFrame:
        """Return the keys of a batch's rows, with where each is and what represents its value."""
        frame = pl.DataFrame(batch)
        said = frame.select(pl.struct("value", "deleted", "comment").hash().alias("said"))
        return said.with_columns(
            keys.sides[0].gather(frame["pe"]).alias("period"),
            keys.sides[1].gather(frame["ou"]).alias("org_unit"),
            self._combos(frame, header, "co").alias("category_option_combo"),
            self._combos(frame, header, "ao").alias("attribute_option_combo"),
            frame["row"],
            file=pl.lit(keys.file, pl.Int32),
            group=pl.lit(keys.group, pl.Int32),
        )

    def _combos(self, frame: pl.DataFrame, header: GroupHeader, start: str) -> pl.Series:
        found = _dimensions(header, start)
        if len(found) == 1 and found[0][0] == f"{start}c":
            return self._identified(found[0][1]).gather(frame[found[0][0]])
        names = [name for name, _ in found]
        if not names:
            return pl.repeat(self.combos.id(""), len(frame), dtype=pl.Int32, eager=True)
        combos = frame.select(names).unique()
        texts = [
            ", ".join(f"{name}={options[at]}" for (name, options), at in zip(found, row, strict=True))
            for row in combos.iter_rows()
        ]
        combos = combos.with_columns(pl.Series("id", [self.combos.id(f"O{text}") for text in texts], dtype=pl.Int32))
        return frame.select(names).join(combos, on=names, how="left", maintain_order="left")["id"]

    def text(self, column: str, number: int) -> str:
        """Return what an id in a column of keys stands for."""
        if column == "period":
            return self.periods.texts[number]
        return self.units.texts[number] if column == "org_unit" else self.combos.texts[number][1:]


def _dimensions(header: GroupHeader, start: str) -> list[tuple[str, Sequence[str]]]:
    return [(name, identifiers) for name, identifiers in header.dimensions if name.startswith(start)]


def may_repeat(groups: Sequence[GroupKeys]) -> bool:
    """Whether rows of different groups may have one key, by their headers."""
    if len(groups) < 2:
        return False
    for side in range(4):
        parts = [group.sides[side] for group in groups]
        if pl.concat(parts).n_unique() == sum(map(len, parts)):
            return False
    return True


def repeats(
    elements: Mapping[str, Sequence[GroupKeys]], files: Sequence[tuple[str, str]], ids: KeyIds, broken: Collection[int]
) -> dict[str, Repeats]:
    """Return the repeats of data elements by reading their groups again.

    `files`: the path and the label of each; `broken`: those that cannot be read to their end.

    Raises:
        SourceUnreadable: a file is no longer what it was.
    """
    found: dict[str, Repeats] = defaultdict(Repeats)
    for chosen in _passes(elements):
        groups = {(group.file, group.group): (element, group) for element in chosen for group in elements[element]}
        parts = max(1, -(-sum(group.rows for _, group in groups.values()) // KEYS))
        for part in range(parts):
            keys: dict[str, list[pl.DataFrame]] = defaultdict(list)
            for number in sorted({file for file, _ in groups}):
                try:
                    for element, frame in _read(files[number][0], number, groups, ids):
                        keys[element].append(frame.filter(pl.col("org_unit") % parts == part) if parts > 1 else frame)
                except SourceUnreadable:
                    if number not in broken:
                        raise
            for element, frames in keys.items():
                _count(found[element], pl.concat(frames), files, ids)
    return found


def _passes(elements: Mapping[str, Sequence[GroupKeys]]) -> Iterator[list[str]]:
    """Yield data elements that fit together."""
    chosen: list[str] = []
    held = 0
    for element, groups in elements.items():
        rows = sum(group.rows for group in groups)
        if chosen and held + rows > KEYS:
            yield chosen
            chosen, held = [], 0
        chosen.append(element)
        held += rows
    if chosen:
        yield chosen


def _read(
    path: str, number: int, groups: Mapping[tuple[int, int], tuple[str, GroupKeys]], ids: KeyIds
) -> Iterator[tuple[str, pl.DataFrame]]:
    with closing(Source.open(path)) as source:
        file = Adv2File(source)
        for head in file.heads():
            if (number, head.number) not in groups:
                continue
            header, _, _ = check_form(head.properties, any_identifiers=True, takes_undo=True)
            if header is None:
                continue
            element, keys = groups[number, head.number]
            for batch in RowBatches(file, header, row_check(header, None), take=lambda _: None):
                yield element, ids.keys(batch, header, keys)


def _count(found: Repeats, keys: pl.DataFrame, files: Sequence[tuple[str, str]], ids: KeyIds) -> None:
    repeated = (
        keys.filter(pl.struct(_KEY).is_duplicated())
        .sort("file", "group", "row")
        .group_by(_KEY, maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("said").n_unique(), pl.col("file", "group", "row").head(PLACES))
    )
    found.keys += len(repeated)
    found.rows += int(repeated["count"].sum()) - len(repeated)
    found.differing += int((repeated["said"] > 1).sum())
    for row in repeated.head(SAMPLES - len(found.samples)).iter_rows(named=True):
        places = [
            RepeatPlace(files[file][1], group, at)
            for file, group, at in zip(row["file"], row["group"], row["row"], strict=True)
        ]
        key = {column: text for column in _KEY if (text := ids.text(column, row[column]))}
        found.samples.append(Repeat(key, row["count"], row["said"] > 1, places))
