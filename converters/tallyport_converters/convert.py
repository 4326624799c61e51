"""Conversion: sources in, one folder of ADV2 files each. The half's public door.

`conversion` is an iterator of what happens; nothing here prints. Rules: docs/adv2-format.md, docs/formats.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from tallyport_converters import adv2, periods
from tallyport_converters.combos import ComboForm
from tallyport_converters.detect import FORMATS, detect
from tallyport_converters.gather import Gathering
from tallyport_converters.groups import Counts, GroupWriter, WrittenGroup
from tallyport_converters.header import Completion, Header, canonical_scheme, settle_schemes
from tallyport_converters.meaning import understand
from tallyport_converters.naming import clashes, group_names
from tallyport_converters.native import Dropped, Notice
from tallyport_converters.output import Compress, OutputFile
from tallyport_converters.publish import WORK, publish, run_in
from tallyport_converters.readers.reader import Reader
from tallyport_converters.rejects import explained
from tallyport_converters.scanning import Place, scan_all
from tallyport_converters.sources import Source
from tallyport_schemas import __version__
from tallyport_schemas.findings import (
    Finding,
    OutsideFailed,
    Refused,
    Severity,
    SourceUnreadable,
    Unusable,
    finding,
)
from tallyport_schemas.header import KINDS
from tallyport_schemas.progress import Progress

BLOCK_BYTES = 4 << 20
"""Bytes that are scanned at a time; nothing that is written depends on it."""

NAMES_LIMIT = 1_000
"""Distinct names of dropped fields that are counted apart."""

_BUILT = "built"

_NOTICES: Mapping[Notice, tuple[str, str | None]] = {
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
_DROPPED = {
    Dropped.STORED_BY: "storedBy",
    Dropped.CREATED: "created",
    Dropped.LAST_UPDATED: "lastUpdated",
    Dropped.FOLLOWUP_FALSE: "followup=false",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to convert; see `convert`."""

    source_format: str | None = None
    id_schemes: Mapping[str, str] = field(default_factory=dict)
    data_set: str | None = None
    keep_followup_false: bool = False
    layout: Literal["split", "single"] = "split"
    compress: Compress = "none"
    jobs: int = 0
    memory_bytes: int = 256 << 20
    strict: bool = False
    overwrite: bool = False
    header: bool | None = None

    def __post_init__(self) -> None:
        if self.source_format is not None and self.source_format not in FORMATS:
            raise ValueError(f"source_format: {self.source_format!r} is none of {', '.join(FORMATS)}")
        for kind, scheme in self.id_schemes.items():
            if kind and kind not in KINDS:
                raise ValueError(f"id_schemes: {kind!r} is none of {', '.join(KINDS)}")
            try:
                canonical_scheme(scheme)
            except ValueError:
                raise ValueError(f"id_schemes: {scheme!r} is none of UID, CODE, NAME, ATTRIBUTE:<uid>") from None
        if self.layout not in ("split", "single") or self.compress not in ("none", "gz", "zst"):
            raise ValueError("layout is split or single, compress is none, gz or zst")
        if self.jobs < 0 or self.memory_bytes < 1:
            raise ValueError("jobs must not be negative, memory_bytes must be positive")

    @property
    def threads(self) -> int:
        """How many scan side by side."""
        if self.jobs:
            return self.jobs
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source: its folder and manifest, or the error that kept it from being written."""

    source: str
    folder: Path | None = None
    manifest: Mapping[str, Any] | None = None
    error: Finding | None = None
    findings: Sequence[Finding] = ()
    evidence: str = ""

    @property
    def exit_code(self) -> int:
        """0 nothing to report, 1 findings, 3 unreadable or invalid."""
        if self.error:
            return 3
        assert self.manifest is not None
        told = any(f.severity is not Severity.INFO for f in self.findings)
        return 1 if told or self.manifest["values"]["rejected"] else 0


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a conversion, source by source."""

    sources: Sequence[Outcome]

    @property
    def exit_code(self) -> int:
        """The highest of the sources'."""
        return max((outcome.exit_code for outcome in self.sources), default=0)


def convert(
    sources: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    source_format: str | None = None,
    id_schemes: Mapping[str, str] | None = None,
    data_set: str | None = None,
    keep_followup_false: bool = False,
    layout: Literal["split", "single"] = "split",
    compress: Compress = "none",
    jobs: int | None = None,
    memory_bytes: int = 256 << 20,
    strict: bool = False,
    overwrite: bool = False,
    header: bool | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Report:
    """Rewrite legacy files into ADV2, a folder in `output` for each source.

    `sources` are files, folders (walked) or `-` (stdin). `source_format` is told by content where it is None.
    `id_schemes` maps a kind (`de ou ds cc c co coc aoc`, "" for all) to a scheme and goes before the file's.
    `data_set` is that of files that name none. `jobs` threads read and write (None: one for each core); neither they
    nor `memory_bytes`, the budget for values that are held, change what is written. `header` says whether a CSV file
    starts with a header row (None: told by content). `watch` is called with progress, after each block read and each
    data element written.

    A source that cannot be read as a whole does not keep the others from being converted: see `Outcome.error`.

    Raises:
        TypeError: `sources` is one path, not a list of them.
        ValueError: an option is none of what it can be.
        NameClash: two sources would write the same folder.
        Refused: TP901 an output folder exists, TP902 another run is at work there.
        OutsideFailed: TP801, the disk failed; nothing half-written is left.
    """
    if isinstance(sources, str | os.PathLike):
        raise TypeError(f"sources is a list of paths, not one path: {os.fspath(sources)!r}")
    options = Options(
        source_format,
        id_schemes or {},
        data_set,
        keep_followup_false,
        layout,
        compress,
        jobs or 0,
        memory_bytes,
        strict,
        overwrite,
        header,
    )
    outcomes: list[Outcome] = []
    for event in conversion(sources, Path(output), options):
        if isinstance(event, Outcome):
            outcomes.append(event)
        elif watch:
            watch(event)
    return Report(outcomes)


class NameClash(ValueError):
    """Two sources would write the same folder."""


def conversion(
    sources: Sequence[str | os.PathLike[str]], output: Path, options: Options
) -> Iterator[Progress | Outcome]:
    """Convert source by source, yielding progress and each one's outcome; see `convert`."""
    paths = list(_walked(sources, output))
    named = [(path, _stem(path)) for path in paths]
    twice = clashes(stem for _, stem in named)
    if twice:
        both = [path for path, stem in named if stem.casefold() == twice[0].casefold()]
        raise NameClash(f"{both[0]} and {both[1]} would both become the folder {twice[0]}: convert them one by one")
    if any(stem.casefold() == WORK for _, stem in named):
        raise NameClash(f"{WORK} is the folder that a run works in: rename the source")
    with (
        run_in(output, [stem for _, stem in named], overwrite=options.overwrite) as work,
        ThreadPoolExecutor(options.threads) as threads,
    ):
        for path, stem in named:
            try:
                yield from _convert_one(path, stem, output, work, options, threads)
            except SourceUnreadable as error:
                name = "stdin" if path == "-" else Path(path).name
                yield Outcome(name, error=error.finding if error.finding.source else error.finding.at(name))


def _stem(path: str) -> str:
    from tallyport_converters.sources import stem_of

    return "stdin" if path == "-" else stem_of(Path(path).name)


def _walked(sources: Sequence[str | os.PathLike[str]], output: Path) -> Iterator[str]:
    """Yield the files that sources stand for: folders are walked, hidden files and the output left out."""
    for source in [os.fspath(path) for path in sources]:
        if source == "-" or not Path(source).is_dir():
            yield source
            continue
        for folder, folders, files in os.walk(source):
            folders[:] = sorted(
                name for name in folders if not name.startswith(".") and not _is_same(Path(folder, name), output)
            )
            yield from (str(Path(folder, name)) for name in sorted(files) if not name.startswith("."))


def _is_same(folder: Path, output: Path) -> bool:
    return output.exists() and folder.samefile(output)


def _convert_one(
    path: str, stem: str, output: Path, work: Path, options: Options, threads: Executor
) -> Iterator[Progress | Outcome]:
    with closing(Source.open(path, spool=work)) as source:
        try:
            form, evidence = detect(source.head()) if options.source_format is None else (None, "--from")
            form = form or FORMATS[options.source_format or ""]
            readers = form.readers(source, options.header)
            for make, is_last in zip(readers, [False] * (len(readers) - 1) + [True], strict=True):
                attempt = _Attempt(source, make(), work / _BUILT, output / stem, options, threads)
                try:
                    outcome = yield from attempt.run()
                except Exception as error:
                    # Only XML has a second reader, for what the first is in doubt of.
                    if is_last or type(error).__name__ != "Doubt":
                        raise
                    continue
                yield replace(outcome, evidence=evidence)
                return
        except Unusable as error:
            if error.finding.source is None:
                error.finding = error.finding.at(source.name)
            raise


class _Attempt:
    """One source, read by one reader."""

    def __init__(
        self, source: Source, reader: Reader, folder: Path, final: Path, options: Options, threads: Executor
    ) -> None:
        self.source, self.reader, self.final, self.options, self.threads = source, reader, final, options, threads
        self.folder = folder
        self.counts = Counts()
        self.dropped: dict[str, int] = {}
        self.places: list[Place] = []
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
            yield from self._read(gathering)
            header = self.reader.finish()
            ids = settle_schemes(header.schemes, self.options.id_schemes, self.reader.default_scheme)
            groups = yield from self._write_groups(gathering, header, ids, scratch)
            self._write_rejects(gathering, header)
            completions = self._write_completions(header)
            manifest = self._write_manifest(gathering, header, groups, completions)
            publish(self.folder, self.final)
        return Outcome(self.source.name, self.final, manifest, findings=self.findings)

    def _read(self, gathering: Gathering) -> Iterator[Progress]:
        options = self.options
        executor = self.threads if options.threads > 1 else None
        for scanned in scan_all(self.reader, executor, options.threads, BLOCK_BYTES):
            with scanned.batch as batch:
                self.reader.take(batch, scanned.block)
                for notice, count, first in batch.notices():
                    code, about = _NOTICES[notice]
                    self.counts.note(code, about or "", count, gathering.rows + first)
                for which, count in batch.dropped():
                    if not (which is Dropped.FOLLOWUP_FALSE and options.keep_followup_false):
                        self._drop(_DROPPED[which], count)
                for name, count in batch.dropped_names():
                    self._drop(name.decode(errors="replace"), count)
                gathering.add(batch)
                self.places.append(scanned.place)
            yield self._progress("read", scanned.place.end, gathering)

    def _progress(self, phase: str, done: int, gathering: Gathering, total: int = 0) -> Progress:
        plain = self.source.compression == "none" and self.reader.format != "dxf-pdf"
        return Progress(
            self.source.name, phase, done, total or (self.source.size_bytes if plain else 0), gathering.rows
        )

    def _drop(self, name: str, count: int) -> None:
        if not count:
            return
        if name not in self.dropped and len(self.dropped) >= NAMES_LIMIT:
            name = "(other)"
        self.dropped[name] = self.dropped.get(name, 0) + count

    def _write_groups(
        self, gathering: Gathering, header: Header, ids: adv2.Ids, scratch: Path
    ) -> Generator[Progress, None, list[dict[str, Any]]]:
        options = self.options
        identifiers = understand(gathering.dictionaries, self.reader, header, options.data_set)
        self.findings += identifiers.findings
        limit = max(1, options.memory_bytes // 4 // options.threads)
        writer = GroupWriter(identifiers, gathering, scratch, ids, options.compress, options.keep_followup_false, limit)
        groups = list(self._deletions(header, ids, scratch))
        sizes = sorted(gathering.sizes().items(), key=lambda item: -item[1])
        for done, (written, counts) in enumerate(self._side_by_side(writer, sizes), 1):
            groups += written
            self.counts.add(counts)
            yield self._progress("write", done, gathering, len(sizes))
        return self._place_groups(groups)

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

    def _deletions(self, header: Header, ids: adv2.Ids, scratch: Path) -> Iterator[WrittenGroup]:
        """Write the groups of a deletion scope: they mark deleted and hold no rows.

        Raises:
            SourceUnreadable: TP304, a period of the scope is none: a deletion is not done by halves.
        """
        scope = header.deletion
        if not scope:
            return
        read = {text: periods.parse(text) for text in scope.periods}
        for text, period in read.items():
            if period is None:
                expected = periods.explain(text)
                raise SourceUnreadable(finding("TP304", field="deletion.periods", found=text, expected=expected))
        distinct = {period.iso: period for period in read.values() if period}
        in_order = [period.iso for period in sorted(distinct.values(), key=periods.sort_key)]
        by_key: dict[Any, set[Any]] = {}
        for element in scope.elements:
            coc, aoc = element.category_option_combo, element.attribute_option_combo
            by_key.setdefault((element.data_element, coc.shape, aoc), set()).add(coc)
        for number, ((name, shape, aoc), cocs) in enumerate(sorted(by_key.items(), key=lambda item: item[0])):
            head = adv2.group_header(
                ids=ids,
                data_set=header.data_set or self.options.data_set or "",
                data_element=name,
                periods=in_order,
                org_units=sorted(set(scope.org_units)),
                coc=(shape, adv2.combo_dimension(shape, sorted(cocs)).value),
                aoc=(aoc.shape, adv2.combo_dimension(aoc.shape, [aoc]).value),
                delete="soft",
                size=0,
            )
            with OutputFile(scratch / f"delete-{number}", self.options.compress) as out:
                out.write(head + adv2.GROUP_CLOSE + b"\n")
            yield WrittenGroup(name, (0, number), out.path, 0, out.size_bytes, out.sha256)

    def _place_groups(self, groups: Sequence[WrittenGroup]) -> list[dict[str, Any]]:
        """Give the groups their final names, or put them into one file; returns their entries in the manifest."""
        by_element: dict[str, list[WrittenGroup]] = {}
        for group in sorted(groups, key=lambda group: (group.data_element, group.order)):
            by_element.setdefault(group.data_element, []).append(group)
        suffix = adv2.SUFFIX + {"none": "", "gz": ".gz", "zst": ".zst"}[self.options.compress]
        if self.options.layout == "single":
            return self._join_groups([g for many in by_element.values() for g in many], f"values{suffix}")
        names = group_names({element: len(many) for element, many in by_element.items()})
        entries = []
        for element, many in by_element.items():
            for name, group in zip(names[element], many, strict=True):
                group.path.rename(self.folder / f"{name}{suffix}")
                entries.append(_entry(f"{name}{suffix}", group, group.size_bytes, group.sha256))
        return entries

    def _join_groups(self, groups: Sequence[WrittenGroup], name: str) -> list[dict[str, Any]]:
        if not groups:
            return []
        with OutputFile(self.folder / name, self.options.compress) as out:
            separator = b"[\n"
            for group in groups:
                out.write(separator)
                separator = b",\n"
                for piece in _without_line_end(Source.open(group.path).blocks(1 << 20)):
                    out.write(piece)
            out.write(b"\n]\n")
        return [_entry(name, group, out.size_bytes, out.sha256) for group in groups]

    def _write_rejects(self, gathering: Gathering, header: Header) -> None:
        if gathering.rejects.after(0) is None:
            return
        count = 0
        with OutputFile(self.folder / "rejects.ndjson") as out:
            for found, original in explained(self.reader, header, gathering.rejects, self.places, BLOCK_BYTES):
                if self.options.strict:
                    raise SourceUnreadable(
                        replace(
                            finding("TP120", row=found.row, field=found.field, found=found.found), message=found.message
                        )
                    )
                line = {**found.at(self.source.name).as_json(), "original": original}
                out.write(_json_line(line))
                count += 1
        self.counts.rejected = count

    def _write_completions(self, header: Header) -> int:
        registrations = []
        for completion in header.completions:
            registration = self._registration(completion)
            if registration and registration not in registrations:
                registrations.append(registration)
        if registrations:
            with OutputFile(self.folder / "completions.json") as out:
                out.write(
                    orjson.dumps({"completeDataSetRegistrations": registrations}, option=orjson.OPT_INDENT_2) + b"\n"
                )
        return len(registrations)

    def _registration(self, completion: Completion) -> dict[str, Any] | None:
        """Return a completion as DHIS2's completeDataSetRegistrations has it, None where it says nothing."""
        date = completion.date
        if date.lower() == "false":
            return None
        period = periods.parse(completion.period) if completion.period else None
        data_set = completion.data_set or self.options.data_set
        parts = {"data set": data_set, "period": period, "organisation unit": completion.org_unit}
        missing = [name for name, part in parts.items() if not part]
        if missing:
            self.findings.append(finding("TP413", field="completeDate", found=f"no {', no '.join(missing)}"))
            self._drop("completeDate", 1)
            return None
        assert period
        registration: dict[str, Any] = {
            "dataSet": data_set,
            "period": period.iso,
            "organisationUnit": completion.org_unit,
        }
        combo = completion.attribute_option_combo
        if combo.shape.form is ComboForm.IDENTIFIER:
            registration["attributeOptionCombo"] = combo.options[0]
        elif combo.shape.form is not ComboForm.NONE:
            message = "the completion's attribute options have no place there and were left out"
            self.findings.append(finding("TP413", message=message, field="completeDate"))
        if date.lower() != "true":
            is_date = len(date) >= 10 and date[4] == date[7] == "-" and (date[:4] + date[5:7] + date[8:10]).isdecimal()
            registration["date"] = date[:10] if is_date else date
        registration["completed"] = True
        return registration

    def _write_manifest(
        self, gathering: Gathering, header: Header, groups: Sequence[Mapping[str, Any]], completions: int
    ) -> dict[str, Any]:
        counts = self.counts
        for name, count in header.dropped.items():
            self._drop(name, count)
        self.findings += header.findings
        for (code, about), (rows, first) in sorted(counts.notes.items()):
            self.findings.append(finding(code, field=about or None, row=first, count=rows))
        self.findings = [f.at(self.source.name) for f in sorted(self.findings, key=lambda f: (f.code, f.field or ""))]
        if gathering.rows != counts.written + counts.superseded + counts.rejected:
            raise RuntimeError(
                f"{gathering.rows} values read, but {counts.written} written, {counts.superseded} superseded, "
                f"{counts.rejected} rejected: please report this as a fault of tallyport"
            )
        manifest: dict[str, Any] = {
            "tallyport": __version__,
            "source": {
                "name": self.source.name,
                "format": self.reader.format,
                "bytes": self.source.size_bytes,
                "sha256": self.source.sha256,
            },
            "values": {
                "read": gathering.rows,
                "written": counts.written,
                "superseded": counts.superseded,
                "rejected": counts.rejected,
            },
            "dropped": dict(sorted(self.dropped.items())),
            "groups": groups,
        }
        if completions:
            manifest["completions"] = completions
        if self.findings:
            manifest["findings"] = [f.as_json() for f in self.findings]
        with OutputFile(self.folder / "manifest.json") as out:
            out.write(_json_line(manifest, indent=True))
        return manifest


def _entry(name: str, group: WrittenGroup, size_bytes: int, sha256: str) -> dict[str, Any]:
    return {"file": name, "de": group.data_element, "rows": group.rows, "bytes": size_bytes, "sha256": sha256}


def _without_line_end(blocks: Iterator[bytes | bytearray]) -> Iterator[bytes]:
    """Yield the bytes of a group file but its last line feed."""
    held = b""
    for block in blocks:
        if held:
            yield held
        held = bytes(block)
    yield held[:-1]


def _json_line(value: Any, *, indent: bool = False) -> bytes:
    """Return JSON with a line end; lone surrogates, which only rejected rows have, as escapes."""
    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(value, option=option)
    except (orjson.JSONEncodeError, TypeError):
        import json

        return json.dumps(value, indent=2 if indent else None).encode() + b"\n"


def _clear(folder: Path) -> None:
    import shutil

    if folder.exists():
        shutil.rmtree(folder)


__all__ = [
    "BLOCK_BYTES",
    "WORK",
    "NameClash",
    "Options",
    "Outcome",
    "OutsideFailed",
    "Refused",
    "Report",
    "conversion",
    "convert",
]
