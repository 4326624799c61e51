"""Groups: the values of one data element, split, sorted, written as ADV2 files.

Where they fit the limit, in memory; beyond it as sorted runs on disk that are merged. Both ways give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tallyport_converters import adv2
from tallyport_converters.adv2 import ComboDimension, Ids
from tallyport_converters.gather import Gathering
from tallyport_converters.meaning import PERIOD_NOTES, Identifiers
from tallyport_converters.native import Form, Merge, OwnedBytes, Ranks, Split, index_used
from tallyport_converters.output import Compress, OutputFile

PIECE_BYTES = 1 << 20

GroupKey = tuple[int, int, int]
"""Ranks of data set, COC shape, AOC shape: the order of a data element's groups."""


@dataclass(frozen=True, slots=True)
class WrittenGroup:
    """One group as a file of its own, under a working name."""

    data_element: str
    order: tuple[int, ...]
    path: Path
    rows: int
    size_bytes: int
    sha256: str


@dataclass(slots=True)
class Counts:
    """What became of values; notes are (rows, first row) by what they are about."""

    written: int = 0
    superseded: int = 0
    rejected: int = 0
    notes: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def note(self, code: str, about: str, rows: int, first: int) -> None:
        """Count rows that share a note."""
        known_rows, known_first = self.notes.get((code, about), (0, first))
        self.notes[code, about] = (known_rows + rows, min(known_first, first))

    def add(self, other: Counts) -> None:
        """Take over what another part of the work counted."""
        self.written += other.written
        self.superseded += other.superseded
        self.rejected += other.rejected
        for (code, about), (rows, first) in other.notes.items():
            self.note(code, about, rows, first)

    def add_split(self, split: Split) -> None:
        """Take over what a split counted."""
        _, superseded, rejected = split.counts
        self.superseded += superseded
        self.rejected += rejected
        fields = ("period", "orgUnit", "attributeOptionCombo")
        for name, (rows, first) in zip(fields, split.disagreements, strict=True):
            if rows:
                self.note("TP401", name, rows, first)
        for code, (rows, first) in zip(PERIOD_NOTES, split.period_notes, strict=True):
            if rows and code:
                self.note(code, "period", rows, first)


@dataclass(frozen=True, slots=True)
class GroupWriter:
    """Writes the groups of one source into `folder`."""

    identifiers: Identifiers
    gathering: Gathering
    folder: Path
    ids: Ids
    compress: Compress
    keep_followup_false: bool
    limit_bytes: int

    def write_element(self, element_id: int, size_bytes: int) -> tuple[list[WrittenGroup], Counts]:
        """Write all groups of one data element; `size_bytes` is what its values take."""
        if size_bytes > self.limit_bytes:
            return self._write_by_merging(element_id)
        counts, written = Counts(), []
        with (
            self.gathering.load(element_id) as parts,
            Split(parts, self.identifiers.meaning, self.gathering.rejects) as split,
        ):
            counts.add_split(split)
            for number, *key, rows in split.groups():
                used = self._unmarked()
                for dimension, marks in enumerate(used):
                    split.mark_used(number, dimension, marks)
                layout = _Layout(self, element_id, (key[0], key[1], key[2]), used)
                with split.render(number, layout.form) as text:
                    written.append(layout.write(rows, [text]))
                counts.written += rows
        return written, counts

    def _unmarked(self) -> list[bytearray]:
        i = self.identifiers
        sizes = (len(i.periods), len(i.org_units), len(i.option_combos.combos), len(i.attribute_combos.combos))
        return [bytearray(size) for size in sizes]

    def _write_by_merging(self, element_id: int) -> tuple[list[WrittenGroup], Counts]:
        counts, written = Counts(), []
        runs: dict[GroupKey, list[tuple[int, int]]] = {}
        used: dict[GroupKey, list[bytearray]] = {}
        path = self.folder / f"{element_id}.runs"
        with OutputFile(path) as out:
            for parts in self.gathering.load_in_runs(element_id, self.limit_bytes):
                with Split(parts, self.identifiers.meaning, self.gathering.rejects) as split:
                    counts.add_split(split)
                    for number, data_set, coc, aoc, _ in split.groups():
                        key = (data_set, coc, aoc)
                        for dimension, marks in enumerate(used.setdefault(key, self._unmarked())):
                            split.mark_used(number, dimension, marks)
                        with split.run(number) as run:
                            start = out.size_bytes
                            out.write(run.view())
                            runs.setdefault(key, []).append((start, out.size_bytes - start))
        with path.open("rb", buffering=0) as file:
            for key, spans in runs.items():
                layout = _Layout(self, element_id, key, used[key])
                body = self.folder / f"{element_id}.body"
                readers = [_span_reader(file.fileno(), start, size) for start, size in spans]
                with Merge(readers) as merge, body.open("wb") as rows:
                    for piece in merge.pieces(layout.form, PIECE_BYTES):
                        rows.write(piece)
                    counts.written += merge.written
                    counts.superseded += merge.superseded
                    total = merge.written
                with body.open("rb") as rows:
                    written.append(layout.write(total, iter(lambda: rows.read(PIECE_BYTES), b"")))
                body.unlink()
        path.unlink()
        return written, counts


def _span_reader(file: int, start: int, size: int) -> Callable[[int], bytes]:
    position = start

    def read(wanted: int) -> bytes:
        nonlocal position
        data = os.pread(file, min(wanted, start + size - position), position)
        position += len(data)
        return data

    return read


class _Layout:
    """The header of one group, and how its rows are written."""

    def __init__(self, writer: GroupWriter, element_id: int, key: GroupKey, used: Sequence[bytearray]) -> None:
        i = writer.identifiers
        self._writer, self._key = writer, key
        self._element = i.elements[element_id - 1]
        self._name = f"{element_id}-{'-'.join(map(str, key))}"
        indexed = [index_used(marks) for marks in used]
        (periods, period_index), (units, unit_index), (cocs, coc_index), (aocs, aoc_index) = indexed
        self._periods = [i.periods[rank] for rank in periods]
        self._units = [i.org_units[rank] for rank in units]
        self._coc_shape, self._aoc_shape = i.option_combos.shapes[key[1]], i.attribute_combos.shapes[key[2]]
        self._coc = adv2.combo_dimension(self._coc_shape, [i.option_combos.combos[rank] for rank in cocs])
        self._aoc = adv2.combo_dimension(self._aoc_shape, [i.attribute_combos.combos[rank] for rank in aocs])

        def placed(index: Ranks, combo: ComboDimension) -> Ranks | None:
            return index if combo.tokens else None

        self.form = Form(
            [
                period_index if len(periods) > 1 else None,
                unit_index if len(units) > 1 else None,
                placed(coc_index, self._coc),
                placed(aoc_index, self._aoc),
            ],
            [None, None, self._coc.tokens, self._aoc.tokens],
            followup_false=writer.keep_followup_false,
        )

    def write(self, rows: int, body: Sequence[OwnedBytes] | Iterator[bytes]) -> WrittenGroup:
        """Write the group with its rows' text."""
        writer = self._writer
        head = adv2.group_header(
            ids=writer.ids,
            data_set=writer.identifiers.data_sets[self._key[0]],
            data_element=self._element,
            periods=self._periods,
            org_units=self._units,
            coc=(self._coc_shape, self._coc.value),
            aoc=(self._aoc_shape, self._aoc.value),
            delete=None,
            size=rows,
        )
        with OutputFile(writer.folder / self._name, writer.compress) as out:
            out.write(head + adv2.DATA_OPEN)
            for part in body:
                out.write(part if isinstance(part, bytes) else part.view())
            out.write(adv2.DATA_CLOSE + adv2.GROUP_CLOSE + b"\n")
        return WrittenGroup(self._element, (1, *self._key), out.path, rows, out.size_bytes, out.sha256)
