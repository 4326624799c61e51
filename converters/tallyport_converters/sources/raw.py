"""The raw file below a source: read by position, hashed on the way, watched for change."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Generator
from typing import IO, TYPE_CHECKING, TypeAlias

from tallyport_schemas.finding import SourceUnreadable, finding

if TYPE_CHECKING:
    import hashlib

    from typing_extensions import Buffer

Block: TypeAlias = bytes | bytearray
Handle: TypeAlias = IO[bytes]


def unreadable(
    code: str,
    message: str | None = None,
    *,
    source: str,
    found: str | None = None,
    expected: str | None = None,
) -> SourceUnreadable:
    """Return the exception that says why `source` cannot be read."""
    return SourceUnreadable(finding(code, message=message, source=source, found=found, expected=expected))


def failed(error: Exception, what: str, *, source: str, found: str | None = None) -> SourceUnreadable:
    """Return the exception for what the operating system said about `source`."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return unreadable("TP101", f"{what}: {reason[:1].lower()}{reason[1:]}", source=source, found=found)


_SEEKING = threading.Lock()


def read_into(file: int, buffer: bytearray | memoryview, offset: int) -> int:
    """Fill a buffer from `offset` of an open file on; returns the bytes read, 0 only at its end. For any thread.

    Forked processes share the descriptor's position, so it is left alone where the system can: Windows, and macOS
    before 11, have no `preadv`, and Windows no `pread`.
    """
    if hasattr(os, "preadv"):
        return os.preadv(file, [buffer], offset)
    if hasattr(os, "pread"):
        data = os.pread(file, len(buffer), offset)
    else:
        with _SEEKING:
            os.lseek(file, offset, os.SEEK_SET)
            data = os.read(file, len(buffer))
    buffer[: len(data)] = data
    return len(data)


class RawFile:
    """An open regular file with the size and modification time it had at opening."""

    __slots__ = ("_handle", "_mtime_ns", "name", "size_bytes")

    def __init__(self, handle: Handle, name: str) -> None:
        state = os.fstat(handle.fileno())
        self._handle = handle
        self._mtime_ns = state.st_mtime_ns
        self.name = name
        self.size_bytes = state.st_size

    def read_at(self, offset: int, size_bytes: int) -> bytearray:
        """Return 1 to `size_bytes` bytes from `offset` on, none only at the end the file had at opening.

        Raises:
            SourceUnreadable: TP121, the file has become shorter; TP101, the disk fails.
            ValueError: the file is closed.
        """
        size_bytes = min(size_bytes, self.size_bytes - offset)
        if size_bytes <= 0:
            return bytearray()
        buffer = bytearray(size_bytes)
        fileno = self._handle.fileno()
        try:
            n = read_into(fileno, buffer, offset)
        except OSError as error:
            raise failed(error, f"the source cannot be read from byte {offset:,} on", source=self.name) from error
        if not n:
            raise self._changed(f"{offset:,} bytes", f"{self.size_bytes:,} bytes")
        del buffer[n:]
        return buffer

    def check_unchanged(self) -> None:
        """Raise SourceUnreadable TP121 if size or modification time are no longer those at opening."""
        try:
            state = os.fstat(self._handle.fileno())
        except OSError as error:
            raise failed(error, "the source cannot be read", source=self.name) from error
        if state.st_size != self.size_bytes:
            raise self._changed(f"{state.st_size:,} bytes", f"{self.size_bytes:,} bytes")
        if state.st_mtime_ns != self._mtime_ns:
            raise self._changed("another modification time", "the one at opening")

    def close(self) -> None:
        """Close the file; reading on raises ValueError."""
        self._handle.close()

    def _changed(self, found: str, expected: str) -> SourceUnreadable:
        return unreadable("TP121", source=self.name, found=found, expected=expected)


class RandomAccess(io.RawIOBase):
    """A raw file as Python's files are: for readers that go to and fro. Closing it leaves the raw file open."""

    def __init__(self, raw: RawFile) -> None:
        self._raw = raw
        self._offset = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Continue elsewhere."""
        at = (0, self._offset, self._raw.size_bytes)[whence] + offset
        if at < 0:
            raise OSError("seek before the file's beginning")
        self._offset = at
        return at

    def tell(self) -> int:
        """Return where the next reading starts."""
        return self._offset

    def readinto(self, buffer: Buffer) -> int:
        """Fill a buffer.

        Raises:
            SourceUnreadable: TP121, TP101.
        """
        view = memoryview(buffer).cast("B")
        data = self._raw.read_at(self._offset, len(view))
        view[: len(data)] = data
        self._offset += len(data)
        return len(data)


def _sha256() -> hashlib._Hash:
    import hashlib

    return hashlib.sha256()


class Reading:
    """One reading of a file from `offset` to before `end`, with a hash of what was taken if asked."""

    __slots__ = ("_end", "_hash", "_raw", "offset", "source")

    def __init__(self, raw: RawFile, offset: int = 0, end: int | None = None, *, is_hashed: bool = False) -> None:
        self._raw = raw
        self.source = raw.name
        self._end = raw.size_bytes if end is None else end
        self.offset = offset
        self._hash = _sha256() if is_hashed else None

    @property
    def is_hashed(self) -> bool:
        """Whether a hash is taken along."""
        return self._hash is not None

    def take(self, size_bytes: int) -> bytearray:
        """Return the next bytes, 1 to `size_bytes` of them, none only at the end."""
        block = self._raw.read_at(self.offset, min(size_bytes, self._end - self.offset))
        self.offset += len(block)
        if self._hash is not None:
            self._hash.update(block)
        return block

    def blocks(self, size_bytes: int) -> Generator[Block]:
        """Yield what `take` gives, to the end."""
        while block := self.take(size_bytes):
            yield block

    def sha256(self) -> str:
        """Return the SHA-256 of all bytes taken, in hex."""
        if self._hash is None:
            raise ValueError("this reading is not hashed")
        return self._hash.hexdigest()
