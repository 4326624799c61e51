"""Write back: ADV2 files in, legacy files of one format out, without a database. Nothing here prints.

Two readings: the headers determine which files there will be and how they begin, then rows stream, at the
cost of a block each time. A row costs no Python. What a format cannot state is skipped and reported. Rules:
docs/formats/writing.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice, product
from pathlib import Path
from typing import BinaryIO

from tallyport.legacy.plan import FilePlan, LegacyFile
from tallyport.legacy.scope import Scoping
from tallyport.metadata import Snapshot
from tallyport.validation.validate import load_snapshot, walked
from tallyport_converters.adv2.file import Adv2File, RawHead
from tallyport_converters.adv2.header_form import check_form, counted_rows
from tallyport_converters.adv2.row_batches import RowBatches
from tallyport_converters.adv2.row_check import row_check
from tallyport_converters.adv2.row_rules import RowRules
from tallyport_converters.files.output import Compress, OutputFile, OutputStream
from tallyport_converters.files.publish import publish, run_in
from tallyport_converters.model.file_header import canonical_scheme
from tallyport_converters.native.abi import PieceKind
from tallyport_converters.native.join import Join, Piece
from tallyport_converters.options import Options
from tallyport_converters.sources import Source, stem_of
from tallyport_converters.writers.registry import WRITERS
from tallyport_converters.writers.writer import (
    GroupScope,
    Named,
    Unstated,
    Writer,
)
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Refused, Severity, SourceUnreadable, finding, listed
from tallyport_schemas.generations import Generation
from tallyport_schemas.group_header import GroupHeader, OptionDimension
from tallyport_schemas.progress import Progress

CULPRITS_LIMIT = 20
"""Identifiers that cannot be stated and are named."""

_WIDEST = RowRules(generation=Generation.V42)
"""Legacy files may be for any DHIS2: rows must fit what the most lenient takes, which differs in long comments."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One legacy file: `path` is None for a stream. `schemes` has the identifier scheme of every kind."""

    name: str
    path: Path | None
    data_set: str | None
    schemes: Mapping[str, str]
    rows: int
    size_bytes: int
    sha256: str

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        return {
            "file": self.name,
            "ds": self.data_set,
            "ids": dict(self.schemes),
            "rows": self.rows,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
        }


@dataclass(slots=True)
class WriteBackReport:
    """What was written. Rows read are those written, ignored (invalid ADV2) and skipped (not statable)."""

    files: list[WrittenFile] = field(default_factory=list)
    read: int = 0
    written: int = 0
    ignored: int = 0
    left_out: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 nothing to report, 1 rows ignored or skipped, or warnings."""
        return 1 if any(found.severity is not Severity.INFO for found in self.findings) else 0

    def as_json(self) -> Document:
        """Return it as `json/write-back.schema.json` describes it."""
        return {
            "findings": [found.as_json() for found in self.findings],
            "values": {
                "read": self.read,
                "written": self.written,
                "ignored": self.ignored,
                "left_out": self.left_out,
            },
            "files": [file.as_json() for file in self.files],
        }


Watch = Callable[[Progress | Finding], None]


def write_back(
    paths: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | BinaryIO,
    to: str,
    *,
    data_set: str | None = None,
    metadata: Snapshot | str | os.PathLike[str] | None = None,
    id_schemes: Mapping[str, str] | None = None,
    compress: Compress = "none",
    overwrite: bool = False,
    watch: Watch | None = None,
    report: WriteBackReport | None = None,
) -> WriteBackReport:
    """Write ADV2 back into the legacy format `to`: dxf-json, dxf-csv, dxf-xml or adx.

    `paths` are ADV2 files (plain or compressed), folders of them, or `-`. All become one file in the folder `output`,
    or one for each data set and set of identifier schemes that a file of the format can state only once; `output` may
    be a binary stream, which takes one file. `data_set` is that of groups that name none. With `metadata`, a snapshot
    or the path of one or of a DHIS2 metadata export, category options are written as option combos, and identifiers
    in the schemes that `id_schemes` maps kinds ("" for all) to. `watch` hears of progress and of every finding.
    `report`: one to fill, for whoever needs to know what was found before it failed.

    Memory holds a header, a block of rows and their text.

    Raises:
        TypeError: `paths` is one path, not a list of them.
        ValueError: an option is none of what it can be; a folder holds no ADV2 file.
        SourceUnreadable: a source is no ADV2, or a header or `size` fails: nothing is written to a folder.
        Refused: TP778 too many files; TP901 a file exists; TP902 another run is using it.
        OutsideFailed: TP801, the disk failed; nothing half-written is left.
    """
    if isinstance(paths, str | os.PathLike):
        raise TypeError(f"paths is a list of paths, not one path: {os.fspath(paths)!r}")
    if to not in WRITERS:
        raise ValueError(f"to: {to!r} is none of {', '.join(WRITERS)}")
    if compress not in ("none", "gz", "zst"):
        raise ValueError("compress is none, gz or zst")
    if id_schemes and metadata is None:
        raise ValueError("id_schemes: other schemes are looked up in metadata")
    Options(id_schemes=id_schemes or {})  # refuses what is none
    schemes = {kind: canonical_scheme(scheme) for kind, scheme in (id_schemes or {}).items()}
    writer = WRITERS[to]()
    if data_set is not None and writer.data_set_of is None:
        raise ValueError(f"data_set: {to} has no place for it")
    with ExitStack() as stack:
        sources = _Sources(paths, stack)
        scoping = Scoping(load_snapshot(metadata), schemes)
        run = _WriteBack(sources, writer, data_set, scoping, watch, report or WriteBackReport())
        run.plan()
        if isinstance(output, str | os.PathLike):
            run.write_folder(Path(output), compress, overwrite=overwrite)
        else:
            run.write_stream(output, compress)
        return run.report


class _Sources:
    """The sources, which are read twice: what cannot be opened twice stays open."""

    def __init__(self, paths: Sequence[str | os.PathLike[str]], stack: ExitStack) -> None:
        self.paths = list(walked(paths))
        self._stack = stack
        self._kept: dict[str, Source] = {}

    @property
    def stem(self) -> str:
        """The name of what is written: that of a single source, or `values`."""
        path = self.paths[0][0]
        return stem_of(Path(path).name).removesuffix(".adv2") if len(self.paths) == 1 and path != "-" else "values"

    def __iter__(self) -> Iterator[tuple[Source, str]]:
        """Yield each source, open, and its label."""
        for path, label in self.paths:
            if path in self._kept:
                yield self._kept[path], label
            elif path == "-" or not Path(path).is_file():
                self._kept[path] = self._stack.enter_context(Source.open(path))
                yield self._kept[path], label
            else:
                with Source.open(path) as source:
                    yield source, label


class _WriteBack:
    """One run."""

    def __init__(
        self,
        sources: _Sources,
        writer: Writer,
        data_set: str | None,
        scoping: Scoping,
        watch: Watch | None,
        report: WriteBackReport,
    ) -> None:
        self._sources, self._writer, self._data_set, self._scoping = sources, writer, data_set, scoping
        self._watch = watch
        self._plan = FilePlan(writer, scoping)
        self._notes: dict[tuple[str, str | None, str | None], Finding] = {}
        self.report = report

    # --- First reading: headers --------------------------------------------------------------------------------------

    def plan(self) -> None:
        """Determine which files there will be.

        Raises:
            SourceUnreadable, Refused: see `write_back`.
        """
        for _, header, label in self._groups(heads_only=True):
            without = self._plan.take(header)
            if without:
                self._say(without.at(label))
        self._plan.finish(self._sources.stem, self._data_set)

    def _groups(self, *, heads_only: bool = False) -> Iterator[tuple[Adv2File, GroupHeader, str]]:
        """Yield the groups of all sources, each after the file that its rows can be read from."""
        for source, label in self._sources:
            try:
                file = Adv2File(source)
                for head in file.heads():
                    yield file, self._header(head), label
                    if heads_only and not file.is_array:
                        break  # what follows is rows
                    if file.trailing:
                        raise SourceUnreadable(finding("TP510", field="data", found=file.trailing))
            except SourceUnreadable as error:
                raise SourceUnreadable(error.finding.at(label)) from error

    def _header(self, head: RawHead) -> GroupHeader:
        header, findings, _ = check_form(head.properties, any_identifiers=True)
        if header is None:
            raise SourceUnreadable(findings[0])
        if header.ds is None and self._data_set is not None:
            header = replace(header, ds=self._data_set)
        return header

    # --- Second reading: rows ----------------------------------------------------------------------------------------

    def write_folder(self, output: Path, compress: Compress, *, overwrite: bool) -> None:
        """Write the files of the plan; all are whole before the first appears."""
        suffix = "" if compress == "none" else f".{compress}"
        for target in self._plan.files:
            target.name += suffix
        names = [target.name for target in self._plan.files]
        with run_in(output, names, overwrite=overwrite) as work, ExitStack() as stack:
            for target in self._plan.files:
                target.out = stack.enter_context(OutputFile(work / target.name, compress))
            self._write()
            stack.close()
            for target in self._plan.files:
                publish(work / target.name, output / target.name)
                self._file(target, output / target.name)

    def write_stream(self, output: BinaryIO, compress: Compress) -> None:
        """Write the one file of the plan.

        Raises:
            Refused: TP778, there are several.
        """
        if len(self._plan.files) > 1:
            raise Refused(finding("TP778", found=f"{len(self._plan.files)} files", expected="one"))
        (target,) = self._plan.files
        target.out = OutputStream(output, compress)
        self._write()
        target.out.close()
        self._file(target, None)

    def _file(self, target: LegacyFile, path: Path | None) -> None:
        assert target.out
        scope = target.scope
        self.report.files.append(
            WrittenFile(
                target.name, path, scope.data_set, scope.schemes, target.rows, target.out.size_bytes, target.out.sha256
            )
        )

    def _write(self) -> None:
        for target in self._plan.files:
            assert target.out
            target.out.write(self._writer.opening(target.scope))
        for file, header, label in self._groups():
            try:
                rows = self._write_group(file, header, label) if file.has_rows else 0
            except SourceUnreadable as error:
                raise SourceUnreadable(error.finding.at(label)) from error
            if rows != header.size:
                expected = counted_rows(header.size)
                found = finding("TP514", field="size", found=counted_rows(rows), expected=expected)
                raise SourceUnreadable(found.at(label))
        for target in self._plan.files:
            assert target.out
            target.out.write(self._writer.closing)
            self._say_unsaid(target)
        for note in self._notes.values():
            self._say(note)

    def _write_group(self, file: Adv2File, header: GroupHeader, label: str) -> int:
        """Write a group's rows and return how many it has."""
        try:
            target = self._plan.file_of(header)
            if not target:
                raise SourceUnreadable(finding("TP121"))  # its header was another at the first reading
            group = self._scoping.scope(header)
            layout = self._writer.layout(group, target.scope)
        except Unstated as error:
            rows = max(file.skip_rows(), default=0)
            self.report.read += rows
            self.report.left_out += rows
            self._say(replace(error.finding, source=label, count=rows or None))
            return rows
        assert target.out
        batches = RowBatches(file, header, row_check(header, _WIDEST), self._say, label)
        with Join(
            layout.pieces,
            group.sizes,
            layout.escape,
            group_pieces=layout.group_pieces,
            group_close=layout.group_close,
        ) as join:
            for batch in batches:
                for text in join.join(batch):
                    target.out.write(text if target.is_begun else text[len(layout.separator) :])
                    target.is_begun = True
                if self._watch:
                    size = file.source.size_bytes
                    self._watch(Progress(label, "write", file.position, size, self.report.read + batches.counts[0]))
            target.out.write(join.end())
            self._account(join, header, group, target, label)
        read, _, ignored = batches.counts
        self.report.read += read
        self.report.ignored += ignored
        return read

    def _account(self, join: Join, header: GroupHeader, group: GroupScope, target: LegacyFile, label: str) -> None:
        """Count a group's rows, and report which could not be stated."""
        written = join.report.written
        target.rows += written
        self.report.written += written
        self.report.left_out += join.report.left_out
        for piece, count, first in join.unstated():
            found = listed(_unstated(header, piece)) or None
            code = "TP779" if piece.field in _unknown(group) else "TP770"
            self._say(finding(code, source=label, row=first, field=piece.field, found=found, count=count))
        if misread := join.report.misread:  # by DHIS2 2.43, for quotes and line ends in CSV
            self._note(finding("TP777", source=label, row=join.report.first_misread, count=misread))
        if written and self._writer.data_set_of == "group" and header.ds is None:
            self._note(finding("TP774", source=target.name, count=written))
        if written and self._writer.format == "dxf-json" and header.ao and self._scoping.snapshot is None:
            self._note(finding("TP775", source=target.name, field="attributeOptionCombo", count=written))
        if written and header.cc is not None and header.co and self._scoping.snapshot is None:
            self._note(finding("TP776", source=label, field="cc", found=header.cc, count=written))

    # --- What is told ------------------------------------------------------------------------------------------------

    def _say(self, found: Finding) -> None:
        self.report.findings.append(found)
        if self._watch:
            self._watch(found)

    def _note(self, found: Finding) -> None:
        """Keep a finding to say it once for all groups that share it."""
        key = found.code, found.source, found.found
        earlier = self._notes.get(key)
        count = (earlier.count or 0) + (found.count or 0) if earlier else found.count
        self._notes[key] = replace(earlier or found, count=count)

    def _say_unsaid(self, target: LegacyFile) -> None:
        """Report what a file does not say, and how to say it when the file is read."""
        scope = target.scope
        if self._writer.data_set_of is None and scope.data_set:
            help_ = f"read it with --data-set {scope.data_set}"
            self._say(finding("TP773", source=target.name, field="ds", found=scope.data_set, help=help_))
        if self._writer.states_schemes or set(scope.schemes.values()) == {self._writer.default_scheme}:
            return
        general = scope.schemes["cc"]
        said = [f"--id-scheme {general}"] if general != self._writer.default_scheme else []
        said += [f"--id-scheme {kind}={scheme}" for kind, scheme in scope.schemes.items() if scheme != general]
        found = listed(dict.fromkeys(scope.schemes.values()))
        self._say(finding("TP773", source=target.name, field="ids", found=found, help=f"read it with {' '.join(said)}"))


def _unknown(group: GroupScope) -> set[str]:
    """Return the dimensions that metadata do not have every identifier of."""
    dimensions = {"orgUnit": group.org_units, "categoryOptionCombo": group.coc, "attributeOptionCombo": group.aoc}
    return {name for name, named in dimensions.items() if isinstance(named, Named) and None in named.identifiers}


def _unstated(header: GroupHeader, piece: Piece) -> Iterator[str]:
    """Yield what cannot be stated of a dimension, as far as it has one identifier or combination for each text."""
    named: dict[str, Iterable[str]] = {
        "dataElement": (header.de,),
        "dataSet": (header.ds or "",),
        "period": header.pe,
        "orgUnit": header.ou,
        "categoryOptionCombo": header.coc or _combinations(header.co),
        "attributeOptionCombo": header.aoc or _combinations(header.ao),
        "attributeOptions": _combinations(header.ao),
    }
    if piece.kind is PieceKind.PLACES:
        pairs = zip(named.get(piece.field, ()), piece.texts, strict=False)
        yield from islice((name for name, text in pairs if text is None), CULPRITS_LIMIT)


def _combinations(dimension: OptionDimension | None) -> Iterator[str]:
    return map(" + ".join, product(*dimension.options)) if dimension else iter(())
