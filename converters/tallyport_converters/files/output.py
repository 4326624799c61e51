"""Files of a folder that is being built: compressed if asked, hashed as written, on the disk before they count."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Protocol, Self

from tallyport_converters.sources.decompress import DEFLATE_RATIO, FREE_BYTES, ZSTD_RATIO
from tallyport_converters.sources.meter import Meter
from tallyport_schemas.finding import OutsideFailed, finding

Compress = Literal["none", "gz", "zst"]
Data = bytes | memoryview


class _Stream(Protocol):
    def compress(self, data: Data, /) -> bytes: ...


class _Compressor:
    """Packs what is written, and never as densely as what readers take for a bomb.

    50,000 times the same letter is a value that DHIS2 takes. Many of these pack 1:1,030, and readers would refuse our
    own file. So beyond a size that is always read, what packs too well is ended every few bytes: each end costs some.
    Where that happens depends on the bytes alone, not on how they were handed over: the same bytes each time.
    """

    def __init__(self, stream: _Stream, ratio: int, end_block: Callable[[], bytes], end: Callable[[], bytes]) -> None:
        self._stream = stream
        self._ratio = ratio
        self._end_block = end_block
        self.flush = end
        self._in_bytes = self._out_bytes = 0
        self._is_dense = False

    def compress(self, data: Data) -> bytes:
        """Return what is ready of the packed data."""
        parts = []
        view = memoryview(data)
        while view:
            every = _DENSE_BYTES if self._is_dense else _LOOK_BYTES
            step = view[: every - self._in_bytes % every]
            view = view[len(step) :]
            parts.append(self._counted(self._stream.compress(step)))
            self._in_bytes += len(step)
            if self._in_bytes % every == 0:
                if self._is_dense:
                    parts.append(self._counted(self._end_block()))
                self._is_dense = self._in_bytes > FREE_BYTES // 2 + self._ratio * self._out_bytes
        return b"".join(parts)

    def _counted(self, packed: bytes) -> bytes:
        self._out_bytes += len(packed)
        return packed


_LOOK_BYTES = 1 << 20
"""Bytes after which it is looked whether data packs too well: half of `FREE_BYTES` leaves room for many."""

_DENSE_BYTES = 2_048
"""Bytes between the ends in data that packs too well. An end costs 5 bytes with deflate, 3 with zstd, beside the data:
1:300 and 1:512 at most."""


def _compressor(kind: Compress) -> _Compressor | None:
    if kind == "gz":
        deflate = zlib.compressobj(6, wbits=31)  # writes no time: the same bytes each time
        end_block = partial(deflate.flush, zlib.Z_SYNC_FLUSH)
        return _Compressor(deflate, DEFLATE_RATIO * 4 // 5, end_block, deflate.flush)
    if kind == "zst":
        if sys.version_info >= (3, 14):
            from compression.zstd import ZstdCompressor
        else:
            from backports.zstd import ZstdCompressor
        zstd = ZstdCompressor(level=3)
        end_block = partial(zstd.flush, ZstdCompressor.FLUSH_BLOCK)
        return _Compressor(zstd, ZSTD_RATIO * 4 // 5, end_block, zstd.flush)
    return None


class _Output:
    """Where bytes go, compressed if asked. `size_bytes` and `sha256` are those of the bytes that arrive there."""

    def __init__(self, compress: Compress) -> None:
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self._compressor = _compressor(compress)

    def write(self, data: Data) -> None:
        """Append."""
        self._put(self._compressor.compress(data) if self._compressor else data)

    def _put(self, data: Data) -> None:
        self._hash.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, in hex."""
        return self._hash.hexdigest()


class OutputFile(_Output):
    """One file, written once. `size_bytes` and `sha256` are those of the bytes on disk.

    `meter` is asked before anything is written, by what it has before it is packed.

    Raises (from every method):
        OutsideFailed: TP801, the disk failed.
        SourceUnreadable: as `meter` says.
    """

    def __init__(self, path: Path, compress: Compress = "none", meter: Meter | None = None) -> None:
        super().__init__(compress)
        self.path = path
        self._meter = meter
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise failed(error, path) from error

    def write(self, data: Data) -> None:
        """Append."""
        if self._meter:
            self._meter.make(len(data))
        super().write(data)

    def _put(self, data: Data) -> None:
        super()._put(data)
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise failed(error, self.path) from error

    def close(self) -> None:
        """End the file and wait until the disk has it."""
        if self._file.closed:
            return
        try:
            if self._compressor:
                self._put(self._compressor.flush())
            os.fsync(self._file.fileno())
        except OSError as error:
            raise failed(error, self.path) from error
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            self._file.close()
        else:
            self.close()


class OutputStream(_Output):
    """A stream that is written once, such as standard output; left open. What it raises is the stream's own."""

    def __init__(self, stream: BinaryIO, compress: Compress = "none") -> None:
        super().__init__(compress)
        self._stream = stream

    def _put(self, data: Data) -> None:
        super()._put(data)
        self._stream.write(data)

    def close(self) -> None:
        """End what was written and hand it over."""
        if self._compressor:
            self._put(self._compressor.flush())
        self._stream.flush()


_UNSYNCED = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EISDIR, errno.EBADF}


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder. A system that does not open folders for that sees to it itself.

    Raises:
        OSError: the disk failed.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise


def failed(error: OSError, path: Path) -> OutsideFailed:
    """Return what to raise when the disk fails."""
    return OutsideFailed(finding("TP801", found=f"{path.name}: {error.strerror or error}"))


def replaceable(path: Path) -> Path:
    """Return the file that `path` leads to, which may be put in its place whole: not a device, a pipe or a folder.

    Raises:
        OutsideFailed: TP801, it is not a file.
    """
    leads_to = path.resolve()
    if leads_to.exists() and not leads_to.is_file():
        raise OutsideFailed(finding("TP801", found=f"{path.name}: not a regular file"))
    return leads_to
