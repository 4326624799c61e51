"""Mutations of all fixtures through all readers: a script and a library.

    python tests/support/fuzz.py --cases 100000 --seed 7 --format dxf-xml

Whatever the bytes are, a conversion ends within seconds: in an outcome whose counts add up and whose files hold what
they say, or in a finding with a code and a help line. The size of the blocks and the number of threads change nothing.

Most cases take a short way (read, scan, gather, group, explain the rejected rows); one in ten takes the whole way
through `convert`. Nothing is synchronised with a disk. A failing case is kept with the seed that makes it again.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import io
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from support.places import ROOT
from tallyport_converters import convert as converting
from tallyport_converters.conversion.gather import Gathering
from tallyport_converters.conversion.groups import Counts, GroupWriter
from tallyport_converters.conversion.order import understand
from tallyport_converters.conversion.rejects import explained
from tallyport_converters.conversion.scan import BlockPlace, scan_all
from tallyport_converters.convert import convert
from tallyport_converters.model.file_header import settle_schemes
from tallyport_converters.native.batch import Batch
from tallyport_converters.readers.detect import FORMATS, detect
from tallyport_converters.readers.reader import Hints, Reader
from tallyport_converters.readers.xml_fast import Doubt
from tallyport_converters.sources import Source
from tallyport_schemas.finding import Finding, Unusable
from tallyport_schemas.finding_codes import CODES
from twin import legacy, values

CASE_SECONDS = 5.0
WHOLE_WAY = 10
"""One case in so many takes the whole way."""
REPEATED = 8
"""One case in so many is run again in other blocks, by two threads."""
MEMORY_BYTES = 256 << 20
SUFFIXES = {
    **{".json": "dxf-json", ".csv": "dxf-csv", ".xml": "dxf-xml", ".adx": "adx", ".pdf": "dxf-pdf"},
    **{".parquet": "parquet", ".arrow": "arrow", ".xlsx": "xlsx"},
}
SHARES = {"dxf-json": 30, "dxf-csv": 25, "dxf-xml": 20, "adx": 20, "dxf-pdf": 1, "parquet": 2, "arrow": 1, "xlsx": 1}
"""Cases of each format in a hundred: a PDF takes twenty times longer than the others, a table five times."""

TOKENS: tuple[bytes, ...] = (
    *(bytes([b]) for b in b"\"',;\t\r\n\\{}[]<>&=/:.0-e \0\x01\x0b\x0c\x1f\x7f"),
    *(b"\r\n", b"\n\n", b'""', b'"""', b"\\", b'\\"', b"\\u", b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\\/"),
    *(b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbf\xbe", b"\xef\xbf\xbf"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"\xf0\x9f\x98\x80", "é".encode()),
    *(b"<!DOCTYPE x [<!ENTITY e 'v'>]>", b"<?xml version='1.0'?>", b"<!-- -- -->", b"<?x y?>", b"sep=;\n", b"9" * 30),
    *(b" xmlns='u'", b" xmlns:p='u'", b" comment='c'", b" value=''", b" a='1'", b" AGE='x'", b" completeDate='true'"),
    *rb"""
    NaN -Infinity 1e999999999 -0 0.0 01 1. .5 1E+5 0x10 null NULL true TRUE false False "" {} [] [{}] {"a":"b"}
    {"a":{"b":[1]}} "dataValues":[], ]]> <!-- --> <![CDATA[x]]> <![CDATA[ &x; &amp; &lt; &#0; &#x41; &#65; &#xD800;
    &#x110000; &#9; &#10; &#13; & &quot; &apos; <annotation>t</annotation> <annotation/> <dataValue/> <dataValue>
    </dataValue> <group> </group> </adx> </dataValueSet> <x/> p: dataElement dataValues dataSet period orgUnit value
    comment categoryOptionCombo attributeOptionCombo followUp followup deleted storedBy created lastUpdated
    completeDate idScheme attributeOptions attributeCombo annotation AGE 202401 2024 2024W1 2024-03 2024-01-01/P1M
    2024-01-15/P1M 2024-02-30/P1D CODE ATTRIBUTE:abcdefghijk << >> /Type endobj stream endstream xref
    """.split(),
)
LONG = (
    lambda: b"9" * 5_000,
    lambda: b"[" * 300,
    lambda: b'{"a":' * 300,
    lambda: b"<x>" * 300,
    lambda: b"x" * 50_001,
    lambda: b"<" + b"a" * 3_000 + b"='" + b"b" * 60_000 + b"'",
    lambda: b",".join(b"c%d" % i for i in range(300)),
    lambda: b" ".join(b"a%d='v'" % i for i in range(80)),
    lambda: b'""' * 2_000,
    lambda: b" " * 9_000,
    lambda: b"[]" * 40,
    lambda: b"\n" * 500,
)
_TOKEN = re.compile(rb"[A-Za-z0-9_.:/-]+|\s+|[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class Fixture:
    """A file to mutate."""

    name: str
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One mutated file and how it is read. `told`: the format is named and not told by content."""

    number: int
    name: str
    format: str
    data: bytes
    block_bytes: int
    jobs: int
    told: bool
    header: bool | None
    whole: bool


class CaseError(AssertionError):
    """A case that did not end as it should."""


def fixtures() -> list[Fixture]:
    """Return all files to mutate, and some more in all the styles of the twin."""
    found = []
    for folder in (ROOT / "tests" / "fixtures", ROOT / "samples"):
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or ".expected" in path.name or path.suffix not in SUFFIXES:
                continue
            source_format = path.parent.name if path.parent.name in FORMATS else SUFFIXES[path.suffix]
            if path.name.endswith(".adx.xml"):
                source_format = "adx"
            if source_format in FORMATS and "metadata" not in path.parts:
                found.append(Fixture(path.name, source_format, path.read_bytes()))
    for source_format in values.FORMATS:
        for seed in range(12):
            rng = random.Random(f"{source_format} {seed}")
            document = values.Document(values.Header(), values.many_values(rng, rng.randint(2, 14)))
            data = legacy.write(document, source_format, rng)
            found.append(Fixture(f"twin-{seed}", source_format, data))
    return found


def mutated(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Return `data`, changed in one to four places; `other` is what it is spliced with."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        size = len(out)
        at = rng.randrange(size + 1)
        kind = rng.randrange(13)
        if kind == 0 and size:
            out[at % size] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out.insert(at, rng.randrange(256))
        elif kind == 2 and size:
            del out[at % size : at % size + rng.choice((1, 1, 2, 5, 40))]
        elif kind == 3 and rng.random() < 0.5:
            del out[at:]
        elif kind in (4, 5, 6):
            out[at:at] = rng.choice(TOKENS)
        elif kind == 7 and size:
            tokens = _tokens(rng, out)
            a, from_ = rng.choice(tokens), rng.choice(tokens)
            out[a[0] : a[1]] = bytes(out[from_[0] : from_[1]])
        elif kind == 8 and size:
            a = rng.choice(_tokens(rng, out))
            out[a[1] : a[1]] = bytes(out[a[0] : a[1]]) * rng.choice((1, 1, 2, 30))
        elif kind == 9 and size:
            a = rng.choice(_tokens(rng, out))
            out[a[0] : a[1]] = rng.choice(TOKENS)
        elif kind == 10 and size:
            a = rng.choice(_tokens(rng, out))
            out[at:at] = bytes(out[a[0] : a[0] + rng.choice((5, 50, 200))])
        elif kind == 11:
            cut = rng.randrange(len(other) + 1)
            out[at:] = other[cut:] if rng.random() < 0.7 else other[cut : cut + 100] + bytes(out[at:])
        elif kind == 12 and rng.random() < 0.15:
            out[at:at] = rng.choice(LONG)()
    return bytes(out)


def wrapped(rng: random.Random, data: bytes) -> bytes:
    """Return `data`, a few times in a hundred in another encoding or packed, and that damaged."""
    kind = rng.randrange(200)
    if kind < 2:
        return data.decode(errors="replace").encode(rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32")))
    if kind < 4:
        packed = bytearray(gzip.compress(data, 1, mtime=0))
        if kind == 3:
            packed[rng.randrange(len(packed))] ^= 1 << rng.randrange(8)
        return bytes(packed)
    return data


def _tokens(rng: random.Random, data: bytearray) -> list[tuple[int, int]]:
    """Return where the tokens of a part of `data` lie: all of a large file would take long."""
    start = rng.randrange(max(1, len(data) - 600))
    found = [match.span() for match in _TOKEN.finditer(data, start, start + 1_200)]
    return found or [(0, len(data))]


def cases(count: int, seed: int, only: str | None = None, *, first: int = 0) -> Iterator[Case]:
    """Yield cases; each is a function of its number and the seed (and the fixtures)."""
    by_format: dict[str, list[Fixture]] = {}
    for fixture in fixtures():
        by_format.setdefault(fixture.format, []).append(fixture)
    names = [only] if only else list(SHARES)
    for number in range(first, first + count):
        rng = random.Random(f"{seed} {number}")
        (source_format,) = rng.choices(names, [SHARES[name] for name in names])
        mine = by_format[source_format]
        fixture = rng.choice(mine)
        splice = rng.choice(mine if rng.random() < 0.9 else by_format[rng.choice(list(by_format))])
        data = wrapped(rng, mutated(rng, fixture.data, splice.data))
        yield Case(
            number,
            fixture.name,
            source_format,
            data,
            rng.choice((16, 33, 64, 100, 257, 1_000, 4_096, 4_096)),
            1,
            rng.random() < 0.9,
            rng.choice((None, None, None, True, False)) if source_format == "dxf-csv" else None,
            number % WHOLE_WAY == 0,
        )


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise where the work takes more than so much processor time."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: object) -> None:
        raise CaseError(f"more than {seconds} seconds of work")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def exact_blocks() -> Iterator[None]:
    """Have a sanitized scanner scan copies that end where the block ends: it then sees every byte read beyond it."""
    if "TALLYPORT_SCANNER" not in os.environ:
        yield
        return

    def exact(scan: Callable[..., Batch]) -> Callable[..., Batch]:
        def scan_copy(batch: Batch, block: Any, *rest: Any, **settings: Any) -> Batch:
            copy = (ctypes.c_char * len(block)).from_buffer_copy(block) if block else block
            return scan(batch, copy, *rest, **settings)

        return scan_copy

    with ExitStack() as patches:
        for name in ("scan_json", "scan_csv", "scan_xml", "scan_tuples"):
            patches.enter_context(mock.patch.object(Batch, name, exact(getattr(Batch, name))))
        yield


class Bench:
    """Runs cases in a folder in memory, without waiting for disks. Use it in a `with`."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None))
        self._no_sync = mock.patch.object(os, "fsync")
        self._threads = ThreadPoolExecutor(2)

    def __enter__(self) -> Bench:
        self._no_sync.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._no_sync.stop()
        self._threads.shutdown()
        shutil.rmtree(self.folder)

    def check(self, case: Case) -> str:
        """Run a case; returns how it ended: "written" or a code.

        Raises:
            CaseError: the case did not end as it should.
        """
        result = self.result(case)
        if case.number % REPEATED == 0:
            rng = random.Random(case.number)
            other = replace(case, block_bytes=rng.choice((23, 400, 1 << 16)), jobs=2)
            again = self.result(other)
            # Two faults of one file: which is met first may depend on the blocks.
            if result != again and not ("error" in result and "error" in again):
                blocks = f"{case.block_bytes} and {other.block_bytes}"
                raise CaseError(f"blocks of {blocks} differ: {_difference(result, again)}")
        return str(result["error"]["code"]) if "error" in result else "written"

    def result(self, case: Case) -> dict[str, Any]:
        """Return all that came of a case, in a form to compare."""
        try:
            with within(CASE_SECONDS), mock.patch.object(converting, "BLOCK_BYTES", case.block_bytes):
                return self._whole_way(case) if case.whole else self._short_way(case)
        except CaseError:
            raise
        except Exception as error:
            raise CaseError(f"{type(error).__name__}: {error}") from error

    def _whole_way(self, case: Case) -> dict[str, Any]:
        source, output = self.folder / "source", self.folder / "out"
        source.write_bytes(case.data)
        shutil.rmtree(output, ignore_errors=True)
        report = convert(
            [source],
            output,
            source_format=case.format if case.told else None,
            header=case.header if case.told else None,
            jobs=case.jobs,
            memory_bytes=MEMORY_BYTES,
        )
        (outcome,) = report.sources
        if outcome.error:
            check_finding(outcome.error)
            if output.exists() and any(output.iterdir()):
                raise CaseError("an output stands beside an error")
            return {"error": outcome.error.as_json()}
        assert outcome.folder is not None
        files = {path.name: path.read_bytes() for path in sorted(outcome.folder.iterdir())}
        manifest = json.loads(files["manifest.json"])
        for found in outcome.findings:
            check_finding(found)
        rows = [json.loads(line) for line in files.get("rejects.ndjson", b"").splitlines()]
        for row in rows:
            check_reject(row)
        groups = {name: data for name, data in files.items() if name.endswith(".adv2.json")}
        written = sum(check_group(data) for data in groups.values())
        check_counts(manifest["values"], written, len(rows))
        if {entry["file"] for entry in manifest["groups"]} != groups.keys():
            raise CaseError("the manifest lists other files than there are")
        return {**files, "manifest.json": manifest, "exit": outcome.exit_code}

    def _short_way(self, case: Case) -> dict[str, Any]:
        try:
            with opened(case.data) as source:
                form = FORMATS[case.format] if case.told else detect(source.head())[0]
                for make in form.readers(source, Hints(case.header)):
                    try:
                        return self._read(make(), case)
                    except Doubt:
                        continue
                raise CaseError("all readers are in doubt")
        except Unusable as error:
            check_finding(error.finding)
            return {"error": error.finding.as_json()}

    def _read(self, reader: Reader, case: Case) -> dict[str, Any]:
        """Read as `convert` does, but for what it publishes."""
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        executor: Executor | None = self._threads if case.jobs > 1 else None
        counts, dropped, places = Counts(), Counter[str](), list[BlockPlace]()
        gathering = Gathering(scratch, MEMORY_BYTES)
        try:
            for scanned in scan_all(reader, executor, case.jobs, case.block_bytes):
                with scanned.batch as batch:
                    reader.take(batch, scanned.block)
                    for notice, count, first in batch.notices():
                        counts.note(str(notice), "", count, gathering.rows + first)
                    for which, count in batch.dropped():
                        dropped[f"{which}"] += count
                    for name, count, *_ in batch.names():
                        dropped[name.decode(errors="replace")] += count
                    gathering.add(batch)
                    places.append(scanned.place)
            header = reader.finish()
            ids = settle_schemes(header.schemes, {}, reader.default_scheme)
            identifiers = understand(gathering.dictionaries, reader, header, None)
            writer = GroupWriter(identifiers, gathering, scratch, ids, "none", False, MEMORY_BYTES)
            groups = []
            for element, size_bytes in gathering.sizes().items():
                written, counted = writer.write_element(element, size_bytes)
                groups += written
                counts.add(counted)
            texts = sorted(group.path.read_bytes() for group in groups)
            rejects = []
            clashing = ["(field)"] if counts.clashing_fields else []
            for found, original in explained(reader, header, gathering.rejects, places, clashing):
                line = {**found.at("source").as_json(), "original": original}
                check_reject(line)
                rejects.append(line)
            read = gathering.rows
        finally:
            gathering.close()
        for found in header.findings:
            check_finding(found)
        total = {"read": read, "written": counts.written, "superseded": counts.superseded, "rejected": len(rejects)}
        check_counts(total, sum(map(check_group, texts)), len(rejects))
        return {
            "values": total,
            "groups": texts,
            "rejects": rejects,
            "dropped": dropped
            + header.dropped
            + header.left_out
            + Counter({name: groups for name, (groups, _) in header.left_out_of_groups.items()}),
            "notes": counts.notes,
            "findings": [found.as_json() for found in header.findings],
            "completions": header.completions,
            "deletion": header.deletion,
        }


@contextmanager
def opened(data: bytes) -> Iterator[Source]:
    """Give a source of these bytes that no disk sees."""
    if hasattr(os, "memfd_create"):
        file: io.FileIO | Any = io.FileIO(os.memfd_create("source"), "r+b")
    else:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the source closes it
    file.write(data)
    file.seek(0)
    with Source(file, "source") as source:
        yield source


def check_finding(found: Finding) -> None:
    """Hold a finding to its shape: a code there is, a help line, and text that any terminal can show."""
    members = found.as_json()
    if found.code not in CODES or not found.help or not found.message:
        raise CaseError(f"a finding without code, message or help: {members}")
    if found.code in ("TP121", "TP801", "TP802"):
        raise CaseError(f"the outside is blamed for what stands in the file: {members}")
    text = json.dumps(members, ensure_ascii=False)
    with suppress(UnicodeEncodeError):
        text.encode()
        return
    raise CaseError(f"a finding that no terminal can show: {members}")


def check_reject(line: dict[str, Any]) -> None:
    """Hold a line of rejects.ndjson to its shape: a finding with its row, and the row as it was."""
    if line.get("code") not in CODES or not line.get("help") or "row" not in line or "original" not in line:
        raise CaseError(f"a reject without code, help, row or original: {line}")


def check_counts(counted: dict[str, int], written: int, rejected: int) -> None:
    """Hold the counts to their sum and to what was really written."""
    if counted["read"] != counted["written"] + counted["superseded"] + counted["rejected"]:
        raise CaseError(f"the values do not add up: {counted}")
    if (counted["written"], counted["rejected"]) != (written, rejected):
        raise CaseError(f"{counted}, but {written} are in the files and {rejected} in the rejects")


def check_group(data: bytes) -> int:
    """Hold a file of ADV2 to its shape; returns its number of values."""
    try:
        group = json.loads(data)
    except ValueError as error:
        raise CaseError(f"an ADV2 file that is no JSON: {error}") from error
    rows = group.get("data", [])
    if (
        not isinstance(group["de"], str)
        or group["size"] != len(rows)
        or not all(row and type(row) is list for row in rows)
    ):
        raise CaseError(f"an ADV2 file of another shape: {data[:200]!r}")
    spread = []
    for name in ("pe", "ou", "coc", "co", "aoc", "ao"):
        named = group.get(name) or ()
        parts = named.values() if isinstance(named, dict) else named if name == "ao" else [named]
        spread += [part for part in parts if isinstance(part, list) and len(part) > 1]
    for row in rows:
        indexes = row[: len(spread)]
        if not all(type(i) is int and 0 <= i < len(part) for i, part in zip(indexes, spread, strict=True)):
            raise CaseError(f"a row that points beyond its header: {row} in {data[:200]!r}")
    return len(rows)


def _difference(one: dict[str, Any], two: dict[str, Any]) -> str:
    differing = [key for key in {**one, **two} if one.get(key) != two.get(key)]
    return "; ".join(f"{key}: {one.get(key)!r:.600} and {two.get(key)!r:.600}" for key in differing[:3])


def keep(case: Case) -> Path:
    """Write the bytes of a failing case where it can be looked at."""
    folder = ROOT / "build" / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case.format}-{case.number}"
    path.write_bytes(case.data)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description="Convert mutations of all fixtures and see that nothing breaks.")
    parser.add_argument("--cases", type=int, default=20_000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="which; with --first the same case comes again")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--format", choices=sorted(SHARES), help="fixtures of one format only")
    parser.add_argument("--failures", type=int, default=10, help="stop after so many")
    chosen = parser.parse_args(arguments)
    ends: Counter[str] = Counter()
    failures: list[str] = []
    begun = time.monotonic()
    with Bench() as bench, exact_blocks():
        for case in cases(chosen.cases, chosen.seed, chosen.format, first=chosen.first):
            try:
                ends[bench.check(case)] += 1
            except CaseError as error:
                again = f"--seed {chosen.seed} --first {case.number} --cases 1"
                again += f" --format {chosen.format}" if chosen.format else ""
                failures.append(f"{keep(case)} (from {case.name}, {again}): {error}")
                print(failures[-1], flush=True)
                if len(failures) >= chosen.failures:
                    break
    for end, count in ends.most_common():
        print(f"{count:8,}  {end}")
    print(f"{sum(ends.values()):,} cases in {time.monotonic() - begun:.0f} s, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
