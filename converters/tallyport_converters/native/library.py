"""The compiled scanner: found, checked to be the one that abi.py describes, and loaded; and what owns its objects.

Everything is called without the interpreter's lock (ctypes), so threads scan side by side. Built by build_native.py.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, c_char_p, c_uint32, c_void_p
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

from tallyport_converters.native.abi import DIGEST, SIGNATURES, Fault
from tallyport_schemas.finding import OutsideFailed, finding

Buffer = bytes | bytearray | memoryview

SEED = int.from_bytes(os.urandom(8), "little")
"""Differs from run to run, so that no input can be made to collide; nothing that is written depends on it."""


def library_path() -> Path:
    """Return where the compiled scanner lies; `TALLYPORT_SCANNER` names another build of it (sanitized, say)."""
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    return Path(os.environ.get("TALLYPORT_SCANNER") or Path(__file__).with_name(f"scanner{suffix}"))


def load(path: Path) -> ctypes.CDLL:
    """Return the compiled scanner at `path`, its functions declared.

    Raises:
        OutsideFailed: TP810, it cannot be loaded, or is not the build that abi.py describes.
    """
    try:
        library = ctypes.CDLL(str(path))
        digest = library.tp_digest
        digest.restype = c_char_p
        found = digest().decode()
    except OSError as error:
        raise OutsideFailed(finding("TP810", found=str(error))) from error
    except AttributeError:
        found = "none"
    if found != DIGEST:
        raise OutsideFailed(finding("TP810", found=f"{path}: digest {found}", expected=f"digest {DIGEST}"))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


library = load(library_path())

_EMPTY = ctypes.create_string_buffer(1)
# Where an empty buffer lies: C allows no arithmetic with NULL.


def address(buffer: Buffer) -> tuple[object, int]:
    """Return where `buffer` lies, as C takes it (with whatever keeps it there), and its size in bytes."""
    size = len(buffer)
    if isinstance(buffer, bytes):
        return ctypes.cast(c_char_p(buffer), c_void_p), size
    # Not an array of that size: ctypes makes a class for each size that it meets.
    return ctypes.byref(ctypes.c_char.from_buffer(buffer) if size else _EMPTY), size


def check_scan(fault: int) -> None:
    """Raise for what is no fault of the input.

    Raises:
        MemoryError: out of memory.
        ValueError: the block is larger than the scanner's offsets reach.
    """
    if fault == Fault.NO_MEMORY:
        raise MemoryError
    if fault == Fault.BLOCK_SIZE:
        raise ValueError("a block to be scanned has 1 GiB or more")


def dictionary_texts(function: str, count: int, *arguments: object) -> list[bytes]:
    """Return the first `count` texts of a dictionary, as the function of that name gives them."""
    if not count:
        return []
    ends = POINTER(c_uint32)()
    at = getattr(library, function)(*arguments, ctypes.byref(ends))
    whole = ctypes.string_at(at, ends[count])
    return [whole[a:b] for a, b in pairwise(ends[: count + 1])]


class Owner:
    """Owns one C object: freed at the end of a `with`, on `close`, or with the Python object."""

    free: ClassVar[str]
    """The name of the function that frees it."""

    def __init__(self, handle: object) -> None:
        if not handle:
            raise MemoryError
        self.handle: object = handle

    def close(self) -> None:
        """Free the C object; further use is an error."""
        handle, self.handle = self.handle, None
        self.__dict__.pop("report", None)  # it lies within the object
        if handle:
            getattr(library, self.free)(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.close()
