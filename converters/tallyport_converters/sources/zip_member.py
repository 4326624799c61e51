"""Zip archives: find the one data member, then stream it.

The standard library reads the directory; the data is inflated here, since its reader stops silently where a directory
says so and has no bound for some methods. Sizes and checksum of the directory are claims, checked at the end.
Format: PKWARE APPNOTE; numbers in comments are its sections.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallyport_converters.sources.decompress import DEFLATE_RATIO, ZLIB_RAW, Gauge, inflated
from tallyport_converters.sources.other_documents import office_document
from tallyport_converters.sources.raw import Block, RawFile, Reading, unreadable
from tallyport_schemas.finding import SourceUnreadable

if TYPE_CHECKING:
    from zipfile import ZipInfo

DIRECTORY_BYTES = 1 << 20
"""The largest directory that is read: some ten thousand members, where one is wanted."""

STORED, DEFLATED = 0, 8
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd"}
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # 4.4.4: bits 0, 6, 13
_PATCHED = 0x0020
_LOCAL = struct.Struct("<4s5H3L2H")  # 4.3.7
_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Member:
    """Where the data of an archive's one data member lies, and what the directory claims of it."""

    name: str
    is_deflated: bool
    start: int
    packed_bytes: int
    size_bytes: int
    crc32: int


class Archive:
    """An archive of several members, each to be read by its name: a workbook.

    Raises:
        SourceUnreadable: TP104 a damaged directory; TP106 a name that is unsafe or given twice.
    """

    def __init__(self, raw: RawFile) -> None:
        self._raw = raw
        infos, self._directory_start = _directory(raw)
        _check_names(raw, infos)
        self._infos = {info.orig_filename: info for info in infos}

    @property
    def names(self) -> Collection[str]:
        """The names of all members."""
        return self._infos.keys()

    def blocks(self, name: str, size_bytes: int) -> Generator[Block]:
        """Yield what a member expands to.

        Raises:
            KeyError: there is none of that name.
            SourceUnreadable: as `find_member` and `member_blocks`.
        """
        member = _located(self._raw, self._infos[name], self._directory_start)
        return member_blocks(self._raw, member, size_bytes)


def is_workbook(raw: RawFile) -> bool:
    """Return whether an archive is an Excel workbook of XML: that is read member by member."""
    names = {info.orig_filename for info in _directory(raw)[0]}
    has_parts = any(name.startswith("xl/") for name in names) and "xl/workbook.bin" not in names
    return "[Content_Types].xml" in names and has_parts


def find_member(raw: RawFile) -> Member:
    """Return the one data member of the archive `raw`. Folders and what file managers leave behind do not count.

    Raises:
        SourceUnreadable: TP104 a damaged directory; TP106 no or several data members, a name that is not one of a
            plain file within the archive, a name given twice, a link, encryption, an unknown method; TP113 an office
            document.
    """
    infos, directory_start = _directory(raw)
    if other := office_document({info.orig_filename for info in infos}):
        raise SourceUnreadable(other.at(raw.name))
    _check_names(raw, infos)
    data = [info for info in infos if not _is_litter(info.orig_filename)]
    if len(data) != 1:
        names = ", ".join(info.orig_filename for info in data[:_NAMES_SHOWN])
        more = f" and {len(data) - _NAMES_SHOWN:,} more" if len(data) > _NAMES_SHOWN else ""
        raise _refused(
            raw,
            f"the zip holds {len(data):,} data files" if data else "the zip holds no data file",
            found=f"{names}{more}" if data else f"{len(infos):,} members, none with data",
        )
    return _located(raw, data[0], directory_start)


def member_blocks(raw: RawFile, member: Member, size_bytes: int) -> Generator[Block]:
    """Yield what `member` expands to; its sizes and checksum are compared once it has ended."""
    reading = Reading(raw, member.start, member.start + member.packed_bytes)
    blocks = _deflated_blocks(reading, size_bytes) if member.is_deflated else reading.blocks(size_bytes)
    n = crc32 = 0
    for block in blocks:
        n += len(block)
        if n > member.size_bytes:
            break
        crc32 = zlib.crc32(block, crc32)
        yield block
    if n != member.size_bytes:
        raise _lying(raw, member, "size", f"{'more than ' if n > member.size_bytes else ''}{n:,} bytes")
    if crc32 != member.crc32:
        raise _lying(raw, member, "checksum", f"CRC-32 {crc32:08x}")


def _deflated_blocks(reading: Reading, size_bytes: int) -> Generator[Block]:
    gauge = Gauge(reading, "zip", DEFLATE_RATIO)
    rest = yield from inflated(reading, gauge, size_bytes, ZLIB_RAW)
    if rest := rest or bytes(reading.take(8)):
        raise gauge.followed(rest)


class _Directory:
    """The file as `zipfile` reads it: enough for a directory, and no more than `DIRECTORY_BYTES` at a time."""

    def __init__(self, raw: RawFile) -> None:
        self._raw = raw
        self._offset = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._offset, self._raw.size_bytes)[whence]
        if base + offset < 0:
            raise OSError("seek before the file's beginning")
        self._offset = base + offset
        return self._offset

    def tell(self) -> int:
        return self._offset

    def read(self, n: int | None = -1) -> bytes:
        left = max(0, self._raw.size_bytes - self._offset)
        n = left if n is None or n < 0 else min(n, left)
        if n > DIRECTORY_BYTES:
            raise _refused(self._raw, "the zip's directory is too large", found=f"{n:,} bytes")
        data = b"".join(Reading(self._raw, self._offset, self._offset + n).blocks(n or 1))
        self._offset += n
        return data


def _directory(raw: RawFile) -> tuple[list[ZipInfo], int]:
    import zipfile

    try:
        archive = zipfile.ZipFile(_Directory(raw))
        return archive.infolist(), archive.start_dir
    except NotImplementedError as error:
        raise _refused(raw, "the zip asks for a newer version of the format", found=str(error)) from error
    except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, IndexError, OSError) as error:
        raise unreadable(
            "TP104",
            "the zip's directory, at its end, is missing or damaged",
            source=raw.name,
            found=str(error),
            expected="the whole archive",
        ) from error


def _check_names(raw: RawFile, infos: Iterable[ZipInfo]) -> None:
    seen: set[str] = set()
    for info in infos:
        name = info.orig_filename
        reason = _why_unsafe(name) or ("name occurs twice" if name in seen else None)
        if reason:
            raise _refused(raw, f"a member's {reason}", found=name)
        seen.add(name)


def _why_unsafe(name: str) -> str | None:
    if not name:
        return "name is empty"
    if "\0" in name or "\\" in name:
        return "name has a character that no member's name has"
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "name is absolute"
    if ".." in name.split("/"):
        return "name leads out of the archive"
    return None


def _is_litter(name: str) -> bool:
    parts = name.split("/")
    return not parts[-1] or "__MACOSX" in parts[:-1] or parts[-1] in (".DS_Store", "Thumbs.db")


def _located(raw: RawFile, info: ZipInfo, directory_start: int) -> Member:
    name, method = info.orig_filename, info.compress_type
    if info.flag_bits & _ENCRYPTED:
        raise _refused(raw, "the zip's data file is encrypted", found=name, expected="no password")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _refused(raw, "the zip's data file is a link", found=name)
    if method not in (STORED, DEFLATED) or info.flag_bits & _PATCHED:
        raise _refused(
            raw,
            "the zip's data file is packed in a way that cannot be read",
            found=f"{name}, packed with {_METHODS.get(method, f'method {method}')}",
            expected="a file packed with deflate, or stored",
        )
    if info.header_offset < 0:
        raise _misplaced(raw, name, f"byte {info.header_offset:,}")
    header = Reading(raw, info.header_offset, info.header_offset + _LOCAL.size).take(_LOCAL.size)
    if len(header) < _LOCAL.size:
        raise _misplaced(raw, name, "no header where the directory says")
    magic, _, flags, local_method, *_, name_bytes, extra_bytes = _LOCAL.unpack(header)
    if magic != b"PK\x03\x04":
        raise _misplaced(raw, name, "no header where the directory says")
    if local_method != method or (flags ^ info.flag_bits) & _ENCRYPTED:
        raise _misplaced(raw, name, "another way of packing in its header")
    start = info.header_offset + _LOCAL.size + name_bytes + extra_bytes
    if start + info.compress_size > directory_start:
        raise _misplaced(raw, name, f"{info.compress_size:,} bytes from byte {start:,} on")
    return Member(name, method == DEFLATED, start, info.compress_size, info.file_size, info.CRC)


def _refused(
    raw: RawFile, message: str, *, found: str, expected: str = "exactly one plain data file"
) -> SourceUnreadable:
    return unreadable("TP106", message, source=raw.name, found=found, expected=expected)


def _misplaced(raw: RawFile, name: str, found: str) -> SourceUnreadable:
    return unreadable(
        "TP104",
        "the zip's directory does not fit its data",
        source=raw.name,
        found=f"{found}, for {name}",
        expected="a header and the data before the directory",
    )


def _lying(raw: RawFile, member: Member, what: str, found: str) -> SourceUnreadable:
    claim = f"CRC-32 {member.crc32:08x}" if what == "checksum" else f"{member.size_bytes:,} bytes"
    return unreadable(
        "TP104",
        f"the zip's data has another {what} than its directory says",
        source=raw.name,
        found=f"{found}, in {member.name}",
        expected=claim,
    )
