"""What `--version` prints: the program, its core in C, what it runs on, and the libraries it was installed with."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from tallyport_schemas import __version__
from tallyport_schemas.finding import OutsideFailed


def versions() -> Iterator[str]:
    """Yield the lines."""
    yield f"tallyport {__version__}"
    yield f"core: {_core()}"
    yield f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    found: dict[str, str | None] = {}
    for requirement in requires("tallyport") or ():
        match = re.match(r"[\w.-]+", requirement)
        if match and match[0] != "tallyport":
            found.setdefault(match[0], _installed(match[0]))
    yield f"libraries: {', '.join(f'{name} {number}' for name, number in found.items() if number)}"
    if missing := [name for name, number in found.items() if not number]:
        yield f"not installed: {', '.join(missing)}"


def _core() -> str:
    """Return the compiled core that is loaded: its file, and the digest of the interface that it was built with."""
    try:
        from tallyport_converters.native.abi import DIGEST
        from tallyport_converters.native.library import library_path
    except OutsideFailed as error:
        return f"cannot be loaded: {error.finding.found}"
    return f"{library_path().name}, interface {DIGEST}"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
