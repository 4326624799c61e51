"""Build hook: compiles the scanner (C, no dependencies) into the wheel, with whatever compiler there is, and has what
Python knows of it made of its header.

A machine without a C compiler gets one as a build dependency: the ziglang wheel carries clang and its headers.
"""

from __future__ import annotations

import os
import platform
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
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion"]
FLAGS = ["-std=c11", "-O3", "-shared", "-fvisibility=hidden", *WARNINGS]
HARDENING = [
    ["-fPIC"],  # of no meaning on Windows, where some compilers refuse it
    ["-fstack-protector-strong"],
    ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"],
    ["-Wl,-z,relro,-z,now"],  # ELF alone
    *([["-static"]] if sys.platform == "win32" else []),  # MinGW: no DLL of the compiler's beside ours
]
"""What is taken where the compiler takes it."""
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


def compiles(command: list[str], flags: list[str]) -> bool:
    """Whether a compiler compiles and links a library, by these flags and without a warning."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <stdlib.h>\n#include <string.h>\nunsigned __int128 probe(void) { return 0; }\n")
        probe = [
            *command,
            "-std=c11",
            "-O2",
            "-Werror",
            "-shared",
            *flags,
            "-o",
            str(Path(folder, "probe.out")),
            str(source),
        ]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def compiler() -> list[str] | None:
    """Return a C compiler of this machine that takes what GCC and Clang take and links, or None.

    Microsoft's cl is none: it has no numbers of 128 bits.
    """
    for name in filter(None, [os.environ.get("CC"), "cc", "gcc", "clang"]):
        command = name.split()
        if shutil.which(command[0]) and compiles(command, []):
            return command
    return None


def hardening(command: list[str]) -> list[str]:
    """Return those of the hardening flags that a compiler takes."""
    return [flag for flags in HARDENING if compiles(command, flags) for flag in flags]


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


def platform_tag() -> str:
    """Return the wheel's platform: on macOS by what is compiled for (`ARCHFLAGS`), not by what the interpreter is."""
    tag = sysconfig.get_platform()
    if sys.platform == "darwin":
        built = os.environ.get("ARCHFLAGS", "").split()[1::2] or [platform.machine()]
        tag = f"{tag.rpartition('-')[0]}-{built[0] if len(built) == 1 else 'universal2'}"
    return tag.replace("-", "_").replace(".", "_")


class BuildNative(BuildHookInterface[BuilderConfig]):
    """Compile before packing; the wheel then fits one platform and any Python 3."""

    def dependencies(self) -> list[str]:
        return [] if compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version
        if self.target_name != "wheel":
            return
        command = [*(compiler() or [sys.executable, "-m", "ziglang", "cc"]), *os.environ.get("ARCHFLAGS", "").split()]
        root = Path(self.root)
        subprocess.run([sys.executable, str(root / "generate_abi.py")], check=True)
        compile_scanner(root, root / NATIVE / f"scanner{SUFFIX}", command, [*FLAGS, *hardening(command)])
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"
