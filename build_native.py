"""Build hook: compiles the scanner (C, no dependencies) into the wheel, with whatever compiler there is.

A machine without a C compiler gets one as a build dependency: the ziglang wheel carries clang and its headers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path("converters/tallyport_converters/native")
FLAGS = ["-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"]
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


def compiler() -> list[str] | None:
    """Return a C compiler of this machine that compiles and links, or None."""
    for name in filter(None, [os.environ.get("CC"), "cc", "gcc", "clang"]):
        command = name.split()
        if not shutil.which(command[0]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("#include <stdlib.h>\n#include <string.h>\nint probe(void) { return 0; }\n")
            probe = [*command, "-shared", "-fPIC", "-o", str(Path(folder, "probe.out")), str(source)]
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return command
    return None


def compile_scanner(root: Path, output: Path, command: list[str], flags: list[str]) -> None:
    """Compile all C files of the native room into one shared library.

    Raises:
        RuntimeError: the compiler refused; carries what it said.
    """
    sources = sorted(str(path) for path in (root / NATIVE / "src").glob("*.c"))
    partial = output.with_name(f".{output.name}.{os.getpid()}")
    run = subprocess.run([*command, *flags, "-o", str(partial), *sources], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} could not compile the scanner:\n{run.stderr}")
    partial.replace(output)


class BuildNative(BuildHookInterface[BuilderConfig]):
    """Compile before packing; the wheel then fits one platform and any Python 3."""

    def dependencies(self) -> list[str]:
        return [] if compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version
        if self.target_name != "wheel":
            return
        command = compiler() or [sys.executable, "-m", "ziglang", "cc"]
        root = Path(self.root)
        compile_scanner(root, root / NATIVE / f"scanner{SUFFIX}", command, FLAGS)
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
