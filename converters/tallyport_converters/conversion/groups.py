"""Groups: the values of one data element, split, sorted, written as ADV2 files.

Where they fit the limit, in memory; beyond it as sorted runs on disk that are merged. Both ways give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import _Pointer, c_uint32
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tallyport_converters.adv2 import group_text
from tallyport_converters.adv2.group_text import ComboDimension, Ids
from tallyport_converters.conversion.gather import Gathering
from tallyport_converters.conversion.order import PERIOD_NOTES, Identifiers
from tallyport_converters.files.output import Compress, OutputFile, failed
from tallyport_converters.native.abi import PAIRS, Keys, Pair, RowFlag
from tallyport_converters.native.dictionaries import address_of, view_of
from tallyport_converters.native.merge import Merge, temporary_file_cut
from tallyport_converters.native.split import (
    Form,
    OwnedBytes,
    RowNumbers,
    Split,
    Used,
    clashing_fields,
    pair_text,
    sample,
)
from tallyport_converters.sources.meter import Meter
from tallyport_converters.sources.raw import read_into

PIECE_BYTES = 1 << 20

GroupKey = tuple[int, int, int]
"""Ranks of data set, COC shape, AOC shape: the order of a data element's groups."""


@dataclass(frozen=True, slots=True)
class WrittenGroup:
    """One group as a file of its own, under a working name. `row_numbers`: the file of its rows' numbers, if kept."""

    data_element: str
    order: tuple[int, ...]
    path: Path
    rows: int
    size_bytes: int
    sha256: str
    row_numbers: Path | None = None


@dataclass(frozen=True, slots=True)
class RowText:
    """What one row says: its index in the source, its line if there are any, and its texts, cut where they are long."""

    row: int
    value: str
    comment: str
    is_deleted: bool
    is_marked: bool
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the manifest has it; what it does not say is skipped."""
        members = {
            "row": self.row,
            "line": self.line,
            "value": self.value or None,
            "comment": self.comment or None,
            "deleted": self.is_deleted or None,
            "followUp": self.is_marked or None,
        }
        return {key: value for key, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Superseding:
    """A row that a later one of the same key superseded, and said something else."""

    data_element: str
    period: str
    org_unit: str
    lost: RowText
    by: RowText

    def on_lines(self, lines: Mapping[int, int | None]) -> Superseding:
        """Return the same with the lines of its rows, by their indexes."""
        lost, by = (replace(said, line=lines.get(said.row)) for said in (self.lost, self.by))
        return replace(self, lost=lost, by=by)

    def as_json(self) -> dict[str, Any]:
        """Return it as the manifest has it."""
        return {
            "de": self.data_element,
            "pe": self.period,
            "ou": self.org_unit,
            "superseded": self.lost.as_json(),
            "by": self.by.as_json(),
        }


@dataclass(slots=True)
class Counts:
    """What became of values; notes are (rows, first row) by what they are about.

    `skipped`: rows by category that they give an option of, and that their data element or data set has not.
    `different`: superseded by a row that says something else, by data element; `sample`: the first of these.
    `clashing_fields`: hashes of the names of fields that alone distinguish rows of one key, which rejected these rows.
    """

    written: int = 0
    superseded: int = 0
    rejected: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    different: dict[str, int] = field(default_factory=dict)
    sample: list[Superseding] = field(default_factory=list)
    clashing_fields: set[int] = field(default_factory=set)
    notes: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def note(self, code: str, about: str, rows: int, first: int) -> None:
        """Count rows that share a note."""
        known_rows, known_first = self.notes.get((code, about), (0, first))
        self.notes[code, about] = (known_rows + rows, min(known_first, first))

    def add(self, other: Counts) -> None:
        """Add what another part of the work counted."""
        self.written += other.written
        self.superseded += other.superseded
        self.rejected += other.rejected
        for name, rows in other.skipped.items():
            self.skipped[name] = self.skipped.get(name, 0) + rows
        for element, rows in other.different.items():
            self.different[element] = self.different.get(element, 0) + rows
        self.sample = sorted(self.sample + other.sample, key=lambda pair: pair.lost.row)[:PAIRS]
        self.clashing_fields |= other.clashing_fields
        for (code, about), (rows, first) in other.notes.items():
            self.note(code, about, rows, first)

    def add_split(self, split: Split) -> None:
        """Add what a split counted."""
        found = split.report
        self.rejected += found.rejected
        fields = ("period", "orgUnit", "attributeOptionCombo")
        for name, tally in zip(fields, found.disagree, strict=True):
            if tally.count:
                self.note("TP401", name, tally.count, tally.first)
        for code, tally in zip(PERIOD_NOTES, found.period_notes, strict=True):
            if tally.count and code:
                self.note(code, "period", tally.count, tally.first)


@dataclass(frozen=True, slots=True)
class GroupWriter:
    """Writes the groups of one source into `folder`; with `keeps_row_numbers` also which rows of it they have."""

    identifiers: Identifiers
    gathering: Gathering
    folder: Path
    ids: Ids
    compress: Compress
    keep_followup_false: bool
    limit_bytes: int
    keeps_row_numbers: bool = False
    meter: Meter | None = None
    _spare: list[Sequence[Used]] = field(default_factory=list)

    def write_element(self, element_id: int, size_bytes: int) -> tuple[list[WrittenGroup], Counts]:
        """Write all groups of one data element; `size_bytes` is what its values take."""
        if self.identifiers.of_element:
            own = self.identifiers.of_element(element_id)
            skipped = self._skipped(element_id, own)
            written, counts = replace(self, identifiers=own, _spare=[]).write_element(element_id, size_bytes)
            counts.skipped = skipped
            return written, counts
        if size_bytes > self.limit_bytes:
            return self._write_by_merging(element_id)
        counts, written = Counts(), []
        with (
            self.gathering.load(element_id) as parts,
            Split(parts, self.identifiers.meaning, self.gathering.rejects) as split,
        ):
            counts.add_split(split)
            self._count_keys(counts, split.report.keys, element_id)
            for number, *key, rows in split.groups():
                if not rows:
                    continue
                with self._used() as used:
                    for dimension, ranks in enumerate(used):
                        ranks.add_split(split, number, dimension)
                    layout = _Layout(self, element_id, (key[0], key[1], key[2]), used)
                    with split.render(number, layout.form) as text:
                        layout.keep_row_numbers()
                        written.append(layout.write(rows, [text]))
                counts.written += rows
        return written, counts

    def _skipped(self, element_id: int, own: Identifiers) -> dict[str, int]:
        """Count the rows that give options of categories that are none of a data element's `own`, by category."""
        whole = self.identifiers
        combos = ((whole.option_combos, own.option_combos), (whole.attribute_combos, own.attribute_combos))
        if all(given.combos == kept.combos for given, kept in combos):
            return {}
        known = [{name for shape in kept.shapes for name in shape.names} for _, kept in combos]
        counts: dict[str, int] = {}
        for parts in self.gathering.load_in_runs(element_id, self.limit_bytes):
            copies = [bytearray(view_of(at, size)) for at, size in parts]  # a split changes what it reads
            of_copies = [(address_of(copy), len(copy)) for copy in copies]
            with Split(of_copies, whole.meaning, self.gathering.rejects, as_run=True) as split:
                for _, _, coc, aoc, rows in split.groups():
                    for at, ((given, _), shape) in enumerate(zip(combos, (coc, aoc), strict=True)):
                        for name in set(given.shapes[shape].names) - known[at]:
                            counts[name] = counts.get(name, 0) + rows
        return counts

    @contextmanager
    def _used(self) -> Iterator[Sequence[Used]]:
        """Give what notes a group's identifiers, by dimension; made once for each thread, whatever groups there are."""
        try:
            used = self._spare.pop()
        except IndexError:
            i = self.identifiers
            rooms = (len(i.periods), len(i.org_units), len(i.option_combos.combos), len(i.attribute_combos.combos))
            used = [Used(room) for room in rooms]
        for ranks in used:
            ranks.clear()
        yield used
        self._spare.append(used)

    def _count_keys(self, counts: Counts, keys: Keys, element_id: int) -> None:
        """Add what happened to rows that share a key."""
        counts.superseded += keys.superseded
        counts.rejected += keys.clashing
        counts.clashing_fields |= set(clashing_fields(keys))
        if keys.different:
            element = self.identifiers.elements[element_id - 1]
            shown = [self._superseding(element, pair) for pair in sample(keys)]
            counts.add(Counts(different={element: keys.different}, sample=shown))

    def _superseding(self, element: str, pair: Pair) -> Superseding:
        def said(row: int, flags: int, number: int) -> RowText:
            texts = pair_text(pair, number), pair_text(pair, 2 + number)
            return RowText(row, *texts, bool(flags & RowFlag.DELETED), bool(flags & RowFlag.FOLLOWUP_TRUE))

        period, unit, *_ = pair.ranks
        return Superseding(
            element,
            self.identifiers.periods[period],
            self.identifiers.org_units[unit],
            said(pair.row, pair.flags, 0),
            said(pair.by_row, pair.by_flags, 1),
        )

    def _write_by_merging(self, element_id: int) -> tuple[list[WrittenGroup], Counts]:
        counts, written, has_left_out = Counts(), [], False
        runs: dict[GroupKey, list[_Run]] = {}
        path = self.folder / f"{element_id}.runs"
        with OutputFile(path) as out:
            for parts in self.gathering.load_in_runs(element_id, self.limit_bytes):
                with Split(parts, self.identifiers.meaning, self.gathering.rejects, as_run=True) as split:
                    counts.add_split(split)
                    has_left_out |= bool(split.report.has_left_out)
                    for number, data_set, coc, aoc, _ in split.groups():
                        start, sizes = out.size_bytes, []
                        with self._used() as used:
                            for dimension, ranks in enumerate(used):
                                ranks.add_split(split, number, dimension)
                                packed = ranks.packed()
                                out.write(packed)
                                sizes.append(len(packed))
                        rows_start = out.size_bytes
                        with split.run(number) as rows:
                            out.write(rows.view())
                        run = _Run(start, sizes, rows_start, out.size_bytes - rows_start)
                        runs.setdefault((data_set, coc, aoc), []).append(run)
        with path.open("rb", buffering=0) as file:
            for key, many in runs.items():
                readers = [partial(_span_reader, file.fileno(), run.rows_start, run.rows_size) for run in many]
                with self._used() as used, Merge(readers, self.gathering.rejects) as merge:
                    if has_left_out:
                        merge.survey(used)
                    else:
                        for run in many:
                            run.add_ranks(file.fileno(), used)
                    group = self._merged(_Layout(self, element_id, key, used), merge)
                    self._count_keys(counts, merge.keys, element_id)
                if group:
                    counts.written += group.rows
                    written.append(group)
        path.unlink()
        return written, counts

    def _merged(self, layout: _Layout, merge: Merge) -> WrittenGroup | None:
        """Write a group whose rows lie in several runs; None if all of them are rejected."""
        body, group = self.folder / f"{layout.name}.body", None
        with body.open("wb") as rows:
            for piece in merge.pieces(layout.form, PIECE_BYTES):
                rows.write(piece)
                layout.keep_row_numbers()
        if merge.written:
            with body.open("rb") as rows:
                group = layout.write(merge.written, iter(lambda: rows.read(PIECE_BYTES), b""))
        body.unlink()
        return group


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a part of a group lies in the file of runs: its ranks, dimension after dimension, then its rows."""

    start: int
    sizes: Sequence[int]
    rows_start: int
    rows_size: int

    def add_ranks(self, file: int, used: Sequence[Used]) -> None:
        """Add the part's ranks to those of its group."""
        at = self.start
        for ranks, size in zip(used, self.sizes, strict=True):
            ranks.add(b"".join(iter(partial(_span_reader(file, at, size), size), b"")))
            at += size


def _span_reader(file: int, start: int, size: int) -> Callable[[int], bytes]:
    position = start

    def read(wanted: int) -> bytes:
        nonlocal position
        data = bytearray(min(wanted, start + size - position))
        if not data:
            return b""
        got = read_into(file, data, position)
        if not got:
            raise temporary_file_cut()
        position += got
        return bytes(data[:got])

    return read


class _Layout:
    """The header of one group, and how its rows are written: by the indexes in `used`, until that is cleared."""

    def __init__(self, writer: GroupWriter, element_id: int, key: GroupKey, used: Sequence[Used]) -> None:
        i = writer.identifiers
        self._writer, self._key = writer, key
        self._element = i.elements[element_id - 1]
        self.name = f"{element_id}-{'-'.join(map(str, key))}"
        self._numbers = RowNumbers() if writer.keeps_row_numbers else None
        self._row_numbers = writer.folder / f"{self.name}.rows" if self._numbers else None
        periods, units, cocs, aocs = (ranks.settle() for ranks in used)
        period_index, unit_index, coc_index, aoc_index = (ranks.index for ranks in used)
        self._periods = [i.periods[rank] for rank in periods]
        self._units = [i.org_units[rank] for rank in units]
        self._coc_shape, self._aoc_shape = i.option_combos.shapes[key[1]], i.attribute_combos.shapes[key[2]]
        self._coc = group_text.combo_dimension(self._coc_shape, [i.option_combos.combos[rank] for rank in cocs])
        self._aoc = group_text.combo_dimension(self._aoc_shape, [i.attribute_combos.combos[rank] for rank in aocs])

        def placed(index: _Pointer[c_uint32], combo: ComboDimension) -> _Pointer[c_uint32] | None:
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
            rows=self._numbers,
        )

    def keep_row_numbers(self) -> None:
        """Write down which rows of the source were rendered since the last call, if that is asked for."""
        if self._numbers and self._row_numbers:
            try:
                with self._row_numbers.open("ab") as out:
                    out.write(self._numbers.take())
            except OSError as error:
                raise failed(error, self._row_numbers) from error

    def write(self, rows: int, body: Sequence[OwnedBytes] | Iterator[bytes]) -> WrittenGroup:
        """Write the group with its rows' text."""
        writer = self._writer
        head = group_text.group_header(
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
        with OutputFile(writer.folder / self.name, writer.compress, writer.meter) as out:
            out.write(head + group_text.DATA_OPEN)
            for part in body:
                out.write(part if isinstance(part, bytes) else part.view())
            out.write(group_text.DATA_CLOSE + group_text.GROUP_CLOSE + b"\n")
        return WrittenGroup(
            self._element, (1, *self._key), out.path, rows, out.size_bytes, out.sha256, self._row_numbers
        )
