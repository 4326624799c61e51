"""Sources: path, stdin, gzip, zip, zstd as one bounded byte stream.

Compression is detected from content, never by name. Nothing here knows a format; nothing decompresses more than a block
ahead; whatever is wrong with the bytes becomes a finding.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, Self

from tallyport_converters.sources.decompress import filled, gzip_blocks, zstd_blocks
from tallyport_converters.sources.raw import Block, Handle, RandomAccess, RawFile, Reading, failed, unreadable
from tallyport_converters.sources.zip_member import Archive, Member, find_member, is_workbook, member_blocks
from tallyport_schemas.finding import OutsideFailed, finding, is_address, visible

__all__ = ["HEAD_BYTES", "Block", "Compression", "Source", "stem_of"]

Compression = Literal["none", "gzip", "zip", "zstd"]

HEAD_BYTES = 65_536
"""Decompressed bytes that every source keeps from its beginning, for detecting its format."""

SUFFIXES = frozenset(
    (
        *(".json", ".csv", ".xml", ".pdf", ".adx", ".txt", ".tsv"),
        *(".parquet", ".arrow", ".feather", ".xlsx", ".xlsm"),
        *(".gz", ".zip", ".zst", ".zstd"),
    ),
)
"""Suffixes of formats and compressions, which an output folder's name omits."""

_SPOOL_BYTES = 1 << 20


class Source:
    """One input, opened once and readable again and again.

    The file is held open: replacing its path does not change what a second reading sees. Readings are independent of
    each other, in threads and forked processes too. Close it, or use it in a `with`.

    `name` is the file's base name with unprintable characters made visible, or "stdin"; `stem` names its output
    folder, as the file system has it; `size_bytes` is the raw file's, `unpacked_bytes` what its readings gave so far.
    """

    __slots__ = (
        *("_file", "_head", "_member", "_sha256", "_spool"),
        *("compression", "name", "size_bytes", "stem", "unpacked_bytes"),
    )

    name: str
    stem: str
    size_bytes: int
    unpacked_bytes: int
    compression: Compression

    def __init__(self, handle: Handle, name: str, *, stem: str | None = None, spool: Path | None = None) -> None:
        """Take `handle`, a regular file open for reading; it is closed with the source, also if this fails.

        `spool`: a folder for what has to be unpacked onto the disk.

        Raises:
            SourceUnreadable: TP101, TP102, or TP104 to TP106 as far as the first `HEAD_BYTES` show it.
        """
        self.name = name
        self.stem = stem_of(name) if stem is None else stem
        self.unpacked_bytes = 0
        self._sha256: str | None = None
        self._spool = spool
        self._member: Member | None = None
        try:
            self._file = RawFile(handle, name)
            self.size_bytes = self._file.size_bytes
            if not self.size_bytes:
                raise unreadable("TP102", source=name, found="0 bytes")
            self.compression = _compression(Reading(self._file).take(4)) or "none"
            if self.compression == "zip" and is_workbook(self._file):
                self.compression = "none"
            elif self.compression == "zip":
                self._member = find_member(self._file)
            self._head = self._read_head(HEAD_BYTES)
            if not self._head:
                raise unreadable(
                    "TP102",
                    f"the source is empty: its {self.compression} data unpacks to nothing",
                    source=name,
                    found="0 bytes",
                )
            inner = None if self.compression == "none" else _compression(self._head[:4])
            if inner:
                raise unreadable(
                    "TP106",
                    f"nested archive: there is {inner} data within the {self.compression} data",
                    source=name,
                    found=inner,
                    expected="plain data",
                )
        except BaseException:
            handle.close()
            raise

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, spool: Path | None = None, name: str | None = None) -> Self:
        """Open the file at `path`, or stdin for `-`. `name` is what to call it where that is not the path's own.

        What cannot be read twice (a pipe, a terminal) is first copied to a nameless file in the folder `spool`, by
        default the system's for temporary files.

        Raises:
            SourceUnreadable: TP126, `path` is an address; see also the constructor.
            OutsideFailed: TP801, the copy could not be written.
        """
        if is_address(os.fspath(path)):
            raise unreadable("TP126", source=visible(os.fspath(path)), found=os.fspath(path), expected="a path")
        is_stdin = os.fspath(path) == "-"
        called = name or Path(path).name or os.fspath(path)
        name = "stdin" if is_stdin else visible(called) or "unnamed"
        try:
            handle: Handle = _stdin() if is_stdin else io.FileIO(path)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise failed(error, "the source cannot be opened", source=name, found=os.fspath(path)) from error
        try:
            if not _reads_twice(handle):
                with handle:
                    handle = _spooled(handle, spool, name)
        except OSError as error:
            handle.close()
            raise failed(error, "the source cannot be read", source=name) from error
        return cls(handle, name, stem=None if is_stdin else stem_of(Path(path).name), spool=spool)

    def head(self, n: int = HEAD_BYTES) -> bytes:
        """Return the first `n` decompressed bytes, or all if there are fewer. Up to `HEAD_BYTES` cost nothing."""
        return self._head[:n] if n <= HEAD_BYTES else self._read_head(n)

    def blocks(self, size_bytes: int, *, is_hashed: bool = True, skip_bytes: int = 0) -> Iterator[Block]:
        """Yield the decompressed bytes but the first `skip_bytes`, in blocks of 1 to `size_bytes` bytes.

        However small the pieces are that the data was packed in, only the last block has less than half of that. Each
        is a fresh buffer that is the caller's. The first reading that reaches the end takes the SHA-256 of
        the raw bytes along if it `is_hashed` (except of a zip, whose members need not lie in order). At most one block
        and 64 KiB of raw bytes are held, with zstd also its window.

        Raises:
            SourceUnreadable: TP104 damaged, TP105 a bomb, TP101 a failing disk, TP121 the file was changed meanwhile.
        """
        if size_bytes < 1:
            raise ValueError(f"size_bytes must be at least 1: {size_bytes}")
        return self._blocks(size_bytes, is_hashed, skip_bytes)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the raw bytes, in hex. Free after a complete reading; before, and for zip, it reads them."""
        if self._sha256 is None:
            reading = Reading(self._file, is_hashed=True)
            while reading.take(_SPOOL_BYTES):
                pass
            self.check_unchanged()
            self._sha256 = reading.sha256()
        return self._sha256

    def random_access(self) -> IO[bytes]:
        """Return the decompressed bytes as a file to go to and fro in; a compressed one is unpacked onto the disk.

        Raises:
            SourceUnreadable, OutsideFailed: as `blocks`; TP801, the disk failed.
        """
        if self.compression == "none":
            return io.BufferedReader(RandomAccess(self._file), _SPOOL_BYTES // 16)
        import tempfile

        spool = tempfile.TemporaryFile(dir=self._spool)  # noqa: SIM115 - whoever asked closes it
        try:
            for block in self.blocks(_SPOOL_BYTES):
                spool.write(block)
            spool.seek(0)
        except OSError as error:
            raise _spool_failed(error, self.name) from error
        return spool

    def archive(self) -> Archive:
        """Return the members of a workbook.

        Raises:
            SourceUnreadable: as `Archive`.
        """
        return Archive(self._file)

    def described(self, source_format: str) -> Mapping[str, object]:
        """Return the members by which a manifest distinguishes this source from others."""
        return {
            "source": {
                "name": self.name,
                "format": source_format,
                "bytes": self.size_bytes,
                "sha256": self.sha256,
            }
        }

    def check_unchanged(self) -> None:
        """Do nothing if the file has the size and modification time it had at opening.

        Raises:
            SourceUnreadable: TP121.
        """
        self._file.check_unchanged()

    def close(self) -> None:
        """Close the file; a copy of stdin is gone with it. Reading on raises ValueError."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _blocks(self, size_bytes: int, is_hashed: bool, skip_bytes: int) -> Generator[Block]:
        reading = Reading(self._file, is_hashed=is_hashed and self._sha256 is None and self._member is None)
        given = 0
        for block in filled(self._expanded(reading, size_bytes), size_bytes):
            skip = max(0, skip_bytes - given)
            given += len(block)
            self.unpacked_bytes = max(self.unpacked_bytes, given)
            if skip < len(block):
                yield block[skip:] if skip else block
        self.check_unchanged()
        if reading.is_hashed:
            self._sha256 = reading.sha256()

    def _expanded(self, reading: Reading, size_bytes: int) -> Generator[Block]:
        if self._member is not None:
            return member_blocks(self._file, self._member, size_bytes)
        if self.compression == "gzip":
            return gzip_blocks(reading, size_bytes)
        if self.compression == "zstd":
            return zstd_blocks(reading, size_bytes)
        return reading.blocks(size_bytes)

    def _read_head(self, n: int) -> bytes:
        head = bytearray()
        for block in self._expanded(Reading(self._file), min(n, _SPOOL_BYTES)):
            head += block
            if len(head) >= n:
                break
        return bytes(head[:n])


def stem_of(name: str) -> str:
    """Return a file's base name without suffixes of formats and compressions; never empty, "." or "..".

    >>> stem_of("january.adx.XML.gz"), stem_of("v1.2.csv"), stem_of(".json.gz"), stem_of("..json")
    ('january', 'v1.2', '.json', '..json')
    """
    stem = name
    while True:
        shorter, dot, suffix = stem.rpartition(".")
        if f"{dot}{suffix}".lower() not in SUFFIXES or shorter in ("", ".", ".."):
            return stem if stem not in ("", ".", "..") else "source"
        stem = shorter


def _compression(magic: bytes | bytearray) -> Compression | None:
    if magic.startswith(b"\x1f\x8b"):
        return "gzip"
    if magic.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):  # a member, no members, a part of a set
        return "zip"
    # A skippable frame (0x184D2A50 to 5F) may come first: parallel writers put their index there.
    is_skippable = len(magic) == 4 and magic[0] & 0xF0 == 0x50 and magic[1:] == b"\x2a\x4d\x18"
    return "zstd" if is_skippable or magic == b"\x28\xb5\x2f\xfd" else None


def _stdin() -> Handle:
    if sys.stdin is None:  # closed by who started us: descriptor 0 may by now be any file
        raise OSError("standard input is closed")
    return io.FileIO(os.dup(0))


def _reads_twice(handle: Handle) -> bool:
    # A file redirected to stdin may have been read in part: then its rest is the source.
    return stat.S_ISREG(os.fstat(handle.fileno()).st_mode) and handle.tell() == 0


def _spooled(handle: Handle, folder: Path | None, name: str) -> Handle:
    import tempfile

    try:
        spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the source closes it
    except OSError as error:
        raise _spool_failed(error, name) from error
    try:
        while block := os.read(handle.fileno(), _SPOOL_BYTES):
            try:
                spool.write(block)
            except OSError as error:
                raise _spool_failed(error, name) from error
        try:
            spool.flush()
        except OSError as error:
            raise _spool_failed(error, name) from error
    except BaseException:
        with suppress(OSError):
            spool.close()  # tries once more to write what is buffered
        raise
    return spool


def _spool_failed(error: OSError, name: str) -> OutsideFailed:
    reason = error.strerror or str(error)
    return OutsideFailed(
        finding(
            "TP801",
            message=f"the temporary copy of {name} cannot be written: {reason}",
            help="make room in the folder for temporary files, or give the source as a file",
            source=name,
        )
    )
