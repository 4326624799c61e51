"""Build the fuzz targets, run them, and show what they reached. README.md says how.

Everything that is made lies in build/fuzz. A finding ends its target: the input that led to it is kept.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fuzz.seeds import write_seeds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NATIVE = ROOT / "converters" / "tallyport_converters" / "native" / "src"
COUNTED = ROOT / "tests" / "support" / "native"
BUILD = ROOT / "build" / "fuzz"
TARGETS = ("json", "csv", "xml", "adx", "tuples", "adv2", "batches", "tables", "sheet")
SHARED = ("input", "chain", "rows")
"""C files that targets share."""

SANITIZED = ["-g", "-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COVERED = ["-g", "-O0", "-fprofile-instr-generate", "-fcoverage-mapping"]
OPTIONS = {"ASAN_OPTIONS": "quarantine_size_mb=16", "UBSAN_OPTIONS": "print_stacktrace=1"}
_EVIDENCE = re.compile(r"does not hold|runtime error|^SUMMARY|ERROR: AddressSanitizer", re.MULTILINE)


@cache
def clang() -> str | None:
    """Return a clang that links fuzz targets, by $CLANG or of the path; None where there is none."""
    versions = ["clang", *(f"clang-{version}" for version in range(30, 12, -1))]
    for name in [os.environ["CLANG"]] if os.environ.get("CLANG") else versions:
        if shutil.which(name):
            BUILD.mkdir(parents=True, exist_ok=True)
            source = b"int LLVMFuzzerTestOneInput(const char *p, long n) { return p && n < 0; }"
            command = [name, "-x", "c", "-fsanitize=fuzzer,address,undefined", "-o", str(BUILD / "probe"), "-"]
            if subprocess.run(command, input=source, capture_output=True, check=False).returncode == 0:
                return name
    return None


def build(targets: Sequence[str], flags: list[str], folder: Path, jobs: int) -> dict[str, Path]:
    """Compile the scanner and targets; allocations of the scanner are counted, and fail as an input says."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [clang() or "clang", "-std=c11", *flags, "-fsanitize=fuzzer-no-link", f"-I{NATIVE}"]
    counted = ["-include", str(COUNTED / "counted.h")]
    sources = dict.fromkeys([*sorted(NATIVE.glob("*.c")), COUNTED / "counted.c"], counted)
    sources |= {HERE / f"{name}.c": ["-Wall", "-Wextra"] for name in SHARED}

    def compile_one(source: Path) -> str:
        compiled = folder / f"{source.stem}.{source.parent.name}.o"
        subprocess.run([*command, *sources[source], "-c", str(source), "-o", str(compiled)], check=True)
        return str(compiled)

    def link(target: str) -> Path:
        linked = folder / target
        source = str(HERE / f"{target}.c")
        subprocess.run([*command, "-Wall", "-Wextra", "-fsanitize=fuzzer", source, *compiled, "-o", linked], check=True)
        return linked

    with ThreadPoolExecutor(jobs) as threads:
        compiled = list(threads.map(compile_one, sources))
        return dict(zip(targets, threads.map(link, targets), strict=True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a target: `finding` says what is wrong and how to see it again."""

    target: str
    executions: int
    seconds: float
    finding: str = ""


def run(target: str, binary: Path, seconds: int) -> Outcome:
    """Run a target from its seeds and from what earlier runs reached."""
    seeds, corpus, findings = BUILD / "seeds" / target, BUILD / "corpus" / target, BUILD / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    write_seeds(target, seeds)
    arguments = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={findings}/{target}-",
        "-timeout=20",
        "-detect_leaks=0",
    ]
    arguments += [f"-dict={HERE / 'dictionaries' / target}.dict", "-rss_limit_mb=2048", str(corpus), str(seeds)]
    start, before = time.monotonic(), set(findings.iterdir())
    done = subprocess.run(
        [str(binary), *arguments],
        env=os.environ | OPTIONS,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    executions = max((int(number) for number in re.findall(r"^#(\d+)", done.stderr, re.MULTILINE)), default=0)
    outcome = Outcome(target, executions, time.monotonic() - start)
    if done.returncode == 0:
        return outcome
    (BUILD / f"{target}.log").write_text(done.stderr, encoding="utf-8")
    lines = [line for line in done.stderr.splitlines() if _EVIDENCE.search(line)]
    for path in sorted(set(findings.iterdir()) - before):
        lines.append(f"to see it again: {binary.relative_to(ROOT)} {path.relative_to(ROOT)}")
    lines.append(f"all that was said: {(BUILD / target).relative_to(ROOT)}.log")
    return Outcome(target, executions, outcome.seconds, "\n".join(lines))


def llvm_tool(name: str) -> str | None:
    """Return a tool of the clang that compiles."""
    found = subprocess.run([clang() or "clang", f"-print-prog-name={name}"], capture_output=True, text=True, check=True)
    return shutil.which(found.stdout.strip())


def coverage(targets: Sequence[str], jobs: int) -> Iterator[tuple[str, int, int]]:
    """Yield (file, lines, lines reached) of the scanner, by all seeds and all that runs have found."""
    folder = BUILD / "covered"
    binaries = build(targets, COVERED, folder, jobs)
    profdata, cov = (llvm_tool(name) for name in ("llvm-profdata", "llvm-cov"))
    if not profdata or not cov:
        print("no coverage: llvm-profdata and llvm-cov are not there (apt-get install llvm)")
        return
    profiles = []
    for target, binary in binaries.items():
        profile = folder / f"{target}.profraw"
        kept = [str(path) for name in ("seeds", "corpus") if (path := BUILD / name / target).is_dir()]
        subprocess.run(
            [str(binary), "-runs=0", *kept],
            env=os.environ | {"LLVM_PROFILE_FILE": str(profile)},
            capture_output=True,
            check=True,
        )
        profiles.append(str(profile))
    merged = folder / "all.profdata"
    subprocess.run([profdata, "merge", "-sparse", "-o", str(merged), *profiles], check=True)
    objects = [argument for binary in binaries.values() for argument in ("-object", str(binary))][1:]
    report = subprocess.run(
        [cov, "export", "-summary-only", "-format=lcov", f"-instr-profile={merged}", *objects, str(NATIVE)],
        capture_output=True,
        text=True,
        check=True,
    )
    for record in report.stdout.split("end_of_record"):
        found = dict(re.findall(r"^(SF|LF|LH):(.*)$", record, re.MULTILINE))
        if found and found["LF"] != "0":
            yield Path(found["SF"]).name, int(found["LF"]), int(found["LH"])


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all, if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs; 60, if not said")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many of them at once")
    parser.add_argument("--coverage", action="store_true", help="show which lines were reached, by file")
    options = parser.parse_args()
    targets = options.targets or TARGETS
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")
    if clang() is None:
        print("no fuzzing: there is no clang with libFuzzer on this machine (or $CLANG is none)")
        return 0
    binaries = build(targets, SANITIZED, BUILD / "bin", options.jobs)
    found = False
    with ThreadPoolExecutor(options.jobs) as threads:
        runs = [threads.submit(run, target, binary, options.seconds) for target, binary in binaries.items()]
        for done in as_completed(runs):
            outcome = done.result()
            print(f"{outcome.target:8} {outcome.executions:12,} executions in {outcome.seconds:,.0f} s", flush=True)
            if outcome.finding:
                print("  " + outcome.finding.replace("\n", "\n  "), flush=True)
            found |= bool(outcome.finding)
    if options.coverage:
        for file, lines, reached in sorted(coverage(targets, options.jobs)):
            print(f"{file:16} {reached:5} of {lines:5} lines, {100 * reached / max(1, lines):.1f} %")
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
