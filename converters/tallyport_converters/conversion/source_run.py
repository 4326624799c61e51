"""One source, rewritten by one reader: read, grouped, written beside, published whole."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Protocol

from tallyport_converters.adv2 import group_text
from tallyport_converters.conversion.completions import registrations
from tallyport_converters.conversion.deletions import deletion_groups
from tallyport_converters.conversion.gather import Gathering
from tallyport_converters.conversion.groups import Counts, GroupWriter, WrittenGroup
from tallyport_converters.conversion.manifest import RejectLines, json_line, manifest, place_groups
from tallyport_converters.conversion.order import Naming, understand
from tallyport_converters.conversion.rejects import explained
from tallyport_converters.conversion.scan import BlockPlace, scan_all
from tallyport_converters.conversion.source_rows import SourceRow, source_rows
from tallyport_converters.conversion.superseded import superseded_by_others
from tallyport_converters.conversion.tidied import Tidied
from tallyport_converters.conversion.trail import Trail
from tallyport_converters.conversion.unread_fields import FieldNames
from tallyport_converters.files.output import OutputFile
from tallyport_converters.files.publish import publish
from tallyport_converters.model.combos import KnownCategories
from tallyport_converters.model.field_names import SHOWN, UNREAD_COMPLETIONS, not_understood, other_scheme, taken
from tallyport_converters.model.file_header import Header, count_dropped, scheme_of, settle_schemes
from tallyport_converters.native.abi import Dropped, Notice
from tallyport_converters.options import Options
from tallyport_converters.readers.reader import Reader
from tallyport_converters.sources.meter import output_meter
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Severity, SourceUnreadable, finding
from tallyport_schemas.group_header import KINDS
from tallyport_schemas.progress import Progress

_WRITE_BYTES = 1 << 18

FINDINGS_LIMIT = 500
"""Findings of one code that a manifest has one by one: a file may be made of nothing but fields of odd names."""

NOTICES: Mapping[Notice, tuple[str, str | None]] = {
    Notice.DUPLICATE_KEY: ("TP402", None),
    Notice.COC_NUMBER: ("TP403", "categoryOptionCombo"),
    Notice.AOC_NUMBER: ("TP403", "attributeOptionCombo"),
    Notice.BLANK_VALUE: ("TP404", "value"),
    Notice.ANNOTATION_TAKEN: ("TP405", "annotation"),
    Notice.NULL_CELL: ("TP407", None),
    Notice.CSV_MISREAD: ("TP409", None),
    Notice.CSV_CUT: ("TP411", None),
    Notice.COMBO_AND_OPTIONS: ("TP419", None),
    Notice.OPTION_LIST: ("TP416", "attributeOptions"),
    Notice.CONTENT_PASSED: ("TP418", None),
}
_OPTIONS_LOST = "TP419"
DROPPED: Mapping[Dropped, str] = {
    Dropped.STORED_BY: "storedBy",
    Dropped.CREATED: "created",
    Dropped.LAST_UPDATED: "lastUpdated",
    Dropped.FOLLOWUP_FALSE: "followup=false",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source: its folder and manifest, or the error that kept it from being written.

    `trail`: the way back to its rows, where it was asked for.
    """

    source: str
    folder: Path | None = None
    manifest: Mapping[str, Any] | None = None
    error: Finding | None = None
    findings: Sequence[Finding] = ()
    evidence: str = ""
    trail: Trail | None = None

    @property
    def exit_code(self) -> int:
        """0 nothing to report, 1 findings, 3 unreadable or invalid."""
        if self.error:
            return 3
        assert self.manifest is not None
        told = any(f.severity is not Severity.INFO for f in self.findings)
        return 1 if told or self.manifest["values"]["rejected"] else 0

    def as_json(self) -> Document:
        """Return the manifest, or the error in its place."""
        if self.error:
            return {"source": {"name": self.source}, "error": self.error.as_json()}
        return dict(self.manifest or {})


class Origin(Protocol):
    """Where values come from: a source, or a database. `size_bytes` is 0 where nobody knows."""

    @property
    def name(self) -> str:
        """What findings and progress call it."""

    @property
    def compression(self) -> str:
        """`none` if its bytes are those that are scanned."""

    @property
    def size_bytes(self) -> int:
        """Its bytes."""

    @property
    def unpacked_bytes(self) -> int:
        """Bytes that it gave so far, unpacked; 0 where nobody knows."""

    def described(self, source_format: str) -> Mapping[str, Any]:
        """Return the manifest's members that say what was read."""


class Attempt:
    """One source, read by one reader.

    `naming`: how the reader's dictionaries are read, if not as they are. `empty`: what is to be reported of no values.
    `row_numbers`: a folder for the numbers of the rows that are written, see `Trail`.
    """

    def __init__(
        self,
        source: Origin,
        reader: Reader,
        *,
        folder: Path,
        final: Path,
        options: Options,
        threads: Executor,
        block_bytes: int,
        naming: Naming | None = None,
        empty: Finding | None = None,
        row_numbers: Path | None = None,
    ) -> None:
        """Build in `folder` and publish as `final`; `block_bytes` are scanned at a time."""
        self.source, self.reader, self.options, self.threads = source, reader, options, threads
        self.folder, self.final, self.block_bytes = folder, final, block_bytes
        self.naming, self.empty = naming, empty
        self._is_text = reader.lines() is not None
        self._keeps_followup_false = options.keep_followup_false or reader.header.keeps_followup_false
        self.row_numbers = row_numbers
        self.counts = Counts()
        self.dropped: dict[str, int] = {}
        self._names = FieldNames()
        self.places: list[BlockPlace] = []
        self.tidied = Tidied()
        self.meter = output_meter(0)
        self.findings: list[Finding] = []

    def run(self) -> Generator[Progress, None, Outcome]:
        """Read, write and publish.

        Yields progress; returns the outcome.
        """
        _clear(self.folder)
        self.folder.mkdir()
        with ExitStack() as stack:
            stack.callback(_clear, self.folder)
            scratch = self.folder.with_name(f"{self.folder.name}.scratch")
            _clear(scratch)
            scratch.mkdir()
            stack.callback(_clear, scratch)
            gathering = Gathering(scratch, self.options.memory_bytes // 2)
            stack.callback(gathering.close)
            try:
                yield from self._read(gathering)
            except SourceUnreadable as error:
                # Other documents may well have longer parts.
                if error.finding.code == "TP112" and not gathering.rows and (other := self.reader.other_document()):
                    raise SourceUnreadable(other) from None
                raise
            self.meter = output_meter(self.source.unpacked_bytes or (self.places[-1].end if self.places else 0))
            header = self.reader.finish()
            ids = settle_schemes(header.schemes, self.options.id_schemes, self.reader.default_scheme)
            groups = yield from self._write_groups(gathering, header, ids, scratch)
            self._write_rejects(gathering, header)
            self._tell_names(header, ids)
            completions = self._write_completions(header)
            if self.empty and not gathering.rows:
                self.findings.append(self.empty)
            self._settle_findings(header)
            members = manifest(
                self.source.described(self.reader.format),
                self.counts,
                read=gathering.rows,
                dropped=self.dropped,
                groups=groups,
                completions=completions,
                findings=self.findings,
            )
            with OutputFile(self.folder / "manifest.json", meter=self.meter) as out:
                out.write(json_line(members, indent=True))
            publish(self.folder, self.final)
        return Outcome(self.source.name, self.final, members, findings=self.findings)

    def _read(self, gathering: Gathering) -> Iterator[Progress]:
        options = self.options
        executor = self.threads if options.threads > 1 else None
        for scanned in scan_all(self.reader, executor, options.threads, self.block_bytes):
            with scanned.batch as batch:
                self.reader.take(batch, scanned.block)
                for notice, count, first in batch.notices():
                    code, about = NOTICES[notice]
                    self.counts.note(code, about or "", count, gathering.rows + first)
                self.tidied.add(batch, gathering.rows)
                for which, count in batch.dropped():
                    if not (which is Dropped.FOLLOWUP_FALSE and self._keeps_followup_false):
                        self._drop(DROPPED[which], count)
                for found in batch.names():
                    self._names.add(found, gathering.rows)
                gathering.add(batch)
                self.places.append(scanned.place)
            yield self._progress("read", scanned.place.end, gathering)

    def _progress(self, phase: str, done: int, gathering: Gathering, total: int = 0) -> Progress:
        plain = self.source.compression == "none" and self._is_text
        return Progress(
            self.source.name, phase, done, total or (self.source.size_bytes if plain else 0), gathering.rows
        )

    def _drop(self, name: str, count: int) -> None:
        if count:
            count_dropped(self.dropped, name, count)

    def _write_groups(
        self, gathering: Gathering, header: Header, ids: group_text.Ids, scratch: Path
    ) -> Generator[Progress, None, list[dict[str, Any]]]:
        options = self.options
        known = self._known_categories(header)
        identifiers = understand(gathering.dictionaries, self.reader, header, options.data_set, self.naming, known)
        self.findings += identifiers.findings
        limit = max(1, options.memory_bytes // 4 // options.threads)
        writer = GroupWriter(
            identifiers,
            gathering,
            scratch,
            ids,
            options.compress,
            self._keeps_followup_false,
            limit,
            self.row_numbers is not None,
            self.meter,
        )
        data_set = header.data_set or options.data_set or ""
        groups = list(
            deletion_groups(
                header, ids=ids, data_set=data_set, folder=scratch, compress=options.compress, meter=self.meter
            )
        )
        sizes = sorted(gathering.sizes().items(), key=lambda item: -item[1])
        for done, (written, counts) in enumerate(self._side_by_side(writer, sizes), 1):
            groups += written
            self.counts.add(counts)
            yield self._progress("write", done, gathering, len(sizes))
        return place_groups(
            groups,
            self.folder,
            layout=options.layout,
            compress=options.compress,
            row_numbers=self.row_numbers,
        )

    def _side_by_side(
        self, writer: GroupWriter, sizes: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[list[WrittenGroup], Counts]]:
        if self.options.threads == 1 or len(sizes) == 1:
            yield from (writer.write_element(*item) for item in sizes)
            return
        futures = [self.threads.submit(writer.write_element, *item) for item in sizes]
        try:
            yield from (future.result() for future in futures)
        finally:
            for future in futures:
                future.cancel()
            wait(futures)  # or a failure would free the memory that others are at work on

    def _write_rejects(self, gathering: Gathering, header: Header) -> None:
        if gathering.rejects.after(0) is None:
            return
        clashing = self._names.clashing(self.counts.clashing_fields)
        count, lines = 0, bytearray()
        written = RejectLines(self.meter.taken)
        with OutputFile(self.folder / "rejects.ndjson") as out:
            for found, original in explained(self.reader, header, gathering.rejects, self.places, clashing):
                if self.options.strict:
                    raise SourceUnreadable(
                        replace(
                            finding("TP120", row=found.row, field=found.field, found=found.found), message=found.message
                        )
                    )
                lines += written.line(found.at(self.source.name), original)
                count += 1
                if len(lines) > _WRITE_BYTES:
                    out.write(bytes(lines))
                    lines.clear()
            out.write(bytes(lines))
        self.findings += written.findings()
        self.counts.rejected = count

    def _tell_names(self, header: Header, ids: group_text.Ids) -> None:
        """Say which fields were skipped, and which were read by other names than DHIS2's."""
        for name, (groups, first) in header.left_out_of_groups.items():
            self._names.add_left_out(name, groups, first)
        for name, (rows, _) in self._names.left_out.items():
            self._drop(name, rows)
        for name, count in header.left_out.items():
            self._drop(name, count)
        options_told = self.reader.format == "adx" and (_OPTIONS_LOST, "") in self.counts.notes
        options_told |= any(found.code == _OPTIONS_LOST for found in header.findings)
        no_place = self.reader.no_place | UNREAD_COMPLETIONS
        self.findings += self._names.findings(no_place, are_options=options_told)
        unknown = (name for name in header.left_out if name not in UNREAD_COMPLETIONS)
        self.findings += map(not_understood, islice(unknown, SHOWN))
        names = dict(sorted((header.taken | self._names.taken).items()))
        if names:
            self.findings.append(taken(names))
        told = (other_scheme(name, partial(scheme_of, ids)) for name in names)
        self.findings += islice(filter(None, told), SHOWN)

    def _write_completions(self, header: Header) -> int:
        made = registrations(header.completions, self.options.data_set)
        self.findings += made.findings
        self._drop("completeDate", made.left_out)
        if made.stated:
            with OutputFile(self.folder / "completions.json", meter=self.meter) as out:
                out.write(json_line({"completeDataSetRegistrations": made.stated}, indent=True))
        return len(made.stated)

    def _known_categories(self, header: Header) -> KnownCategories | None:
        """Return what metadata says of categories, for ADX: its attributes are categories or nothing."""
        if self.options.categories is None or self.reader.format != "adx":
            return None
        ids = settle_schemes(header.schemes, self.options.id_schemes, self.reader.default_scheme)
        return self.options.categories({kind: scheme_of(ids, kind) for kind in KINDS})

    def _settle_findings(self, header: Header) -> None:
        """Bring together what header, rows and groups have to report."""
        for name, count in header.dropped.items():
            self._drop(name, count)
        for name in sorted(UNREAD_COMPLETIONS & self.dropped.keys()):
            self.findings.append(finding("TP437", field=name, count=self.dropped[name]))
        for name, count in self.counts.skipped.items():
            self._drop(name, count)
            self.findings.append(finding("TP436", field=name, count=count))
        self.findings += header.findings
        self.findings += self.tidied.findings(header.trimmed)
        for (code, about), (rows, first) in sorted(self.counts.notes.items()):
            self.findings.append(finding(code, field=about or None, row=first, count=rows))
        in_order = sorted(self.findings, key=lambda found: (found.code, found.field or ""))
        findings = list(_limited(in_order))
        sampled = {said.row for pair in self.counts.sample for said in (pair.lost, pair.by)}
        places = self._places_of({found.row for found in findings if found.row is not None} | sampled)
        if self.counts.different:
            lines = {number: place.line for number, place in places.items()}
            self.counts.sample = [pair.on_lines(lines) for pair in self.counts.sample]
            findings = sorted([*findings, superseded_by_others(self.counts)], key=lambda found: found.code)
        placed = (places[f.row].placed(f, header) if f.row is not None and f.row in places else f for f in findings)
        self.findings = [found.at(self.source.name) for found in placed]

    def _places_of(self, rows: set[int]) -> Mapping[int, SourceRow]:
        """Return the places of rows, where they have any: the source is read again up to the last of them."""
        read = self.places[-1].first_row + self.places[-1].rows if self.places else 0
        wanted = sorted(row for row in rows if row < read)
        if not wanted or not self.reader.has_places:
            return {}
        try:
            return {row.number: row for row in source_rows(self.reader, wanted, self.places)}
        except SourceUnreadable:
            return {}  # the source grew or went meanwhile: what was read stands


def _limited(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield findings in order of their code: of very many of one, the first, and one for the others."""
    for code, alike in groupby(findings, key=lambda found: found.code):
        many = list(alike)
        yield from many[:FINDINGS_LIMIT]
        if rest := many[FINDINGS_LIMIT:]:
            count = sum(found.count or 1 for found in rest)
            yield finding(code, found=f"{len(rest):,} more of this kind", count=count)


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
