"""Run tests on a scanner that is compiled with sanitizers: `python -m fuzz.sanitized [ARGUMENTS OF PYTEST]`.

By clang where it is there, which sees more, else by gcc. Without arguments: the tests that drive the scanner hardest.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from fuzz.campaign import NATIVE, ROOT, SANITIZED

LIBRARY = ROOT / "build" / "fuzz" / "scanner-sanitized.so"
TESTS = (
    *("tests/converters/readers/test_json_against_json.py", "tests/converters/readers/test_csv_against_twin.py"),
    *("tests/converters/readers/test_xml_against_lxml.py", "tests/converters/test_goldens.py"),
    *("tests/converters/test_fuzz.py", "tests/converters/test_round_trip.py", "tests/converters/writers"),
    "tests/pipeline/validation",
)


def sanitized_library() -> Path | None:
    """Compile the scanner; returns the sanitizer's own library, which has to be loaded first. None: no compiler can."""
    LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", *SANITIZED, "-o", str(LIBRARY)]
    sources = [str(path) for path in sorted(NATIVE.glob("*.c"))]
    runtimes = {
        os.environ.get("CLANG", "clang"): ["-shared-libasan", f"libclang_rt.asan-{platform.machine()}.so"],
        "gcc": ["", "libasan.so"],
    }
    for compiler, (flag, runtime) in runtimes.items():
        if not shutil.which(compiler):
            continue
        command = [compiler, *flags, *filter(None, [flag]), *sources]
        found = subprocess.run([compiler, f"-print-file-name={runtime}"], capture_output=True, text=True, check=False)
        path = Path(found.stdout.strip())
        if path.is_file() and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return path
    return None


def main() -> int:
    """Run tests; all memory comes from malloc, which the sanitizers watch. Leaks are the interpreter's own."""
    runtime = sanitized_library()
    if runtime is None:
        print("no sanitized tests: neither clang nor gcc on this machine has sanitizers")
        return 0
    settings = {
        "TALLYPORT_SCANNER": str(LIBRARY),
        "LD_PRELOAD": str(runtime),
        "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=16",
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", "pytest", *(sys.argv[1:] or TESTS)]
    return subprocess.run(command, env=os.environ | settings, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
