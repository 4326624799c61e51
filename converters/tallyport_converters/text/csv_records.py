"""The first records of a CSV file, read in plain Python: what scan_csv.c does for all of them, and where they start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tallyport_converters.sources import HEAD_BYTES
from tallyport_schemas.finding import Finding, SourceUnreadable, finding

DELIMITERS = ",;\t"

_BOM = b"\xef\xbb\xbf"


class Cell(NamedTuple):
    """One cell: its text, whether text follows its closing quote, whether DHIS2 2.43 would misread its quotes."""

    text: str
    trailing: bool = False
    misread: bool = False


def cells(record: str, delimiter: str) -> tuple[list[Cell], int]:
    """Split the first record of a text; returns its cells and where its line end starts."""
    found = list(each_cell(record, delimiter))
    return [cell for cell, _ in found], found[-1][1]


def each_cell(record: str, delimiter: str) -> Iterator[tuple[Cell, int]]:
    """Yield the cells of the first record of a text, and where each ends.

    The plain form of what scan_csv.c does. An open quote takes all there is.
    """
    at, end = 0, len(record)
    cell_end = re.compile(f"[{delimiter}\r\n]|\\Z")
    while True:
        while at < end and record[at] in " \t" and record[at] != delimiter:
            at += 1
        start = at
        if at < end and record[at] == '"':
            # Quoted: up to a quote that none follows. Possessive, so that an open quote is no maze.
            quoted = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"').match(record, at)
            if not quoted:
                yield Cell(record[at + 1 :].replace('""', '"')), end
                return
            at = _end(cell_end, record, quoted.end())
            misread = '""' in quoted[1] or "\n" in quoted[1] or "\r" in quoted[1]
            trailing = bool(record[quoted.end() : at].strip(" \t"))
            yield Cell(quoted[1].replace('""', '"'), trailing, misread), at
        else:
            at = _end(cell_end, record, at)
            yield Cell(record[start:at].rstrip(" \t")), at
        if at == end or record[at] != delimiter:
            return
        at += 1


def _end(cell_end: re.Pattern[str], record: str, at: int) -> int:
    match = cell_end.search(record, at)
    assert match  # the text's end is one
    return match.start()


def not_utf8(what: str, found: str) -> Finding:
    """Say that text is not UTF-8; `found` begins with the first invalid byte, as an escape."""
    byte = bytes.fromhex(found[2:4]) if re.match(r"\\x[0-9a-f]{2}", found) else b""
    letter = byte.decode("cp1252", errors="ignore")
    looks = f"{found} ({letter} in Windows-1252)" if letter.isprintable() and letter else found
    help = 'save the file as UTF-8; Excel calls that "CSV UTF-8"'
    return finding("TP107", message=what, help=help, found=looks, expected="UTF-8")


def encoding_fault(head: bytes) -> str | None:
    """Return the name of an encoding that is not UTF-8, if `head` shows one."""
    if head[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        return "UTF-32"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    sample = head[:1024]
    for offset, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
        half = sample[offset::2]
        if len(half) > 3 and half.count(0) > 0.9 * len(half):
            # Zeros alone say nothing: binary files, pictures for one, are full of them. Text has no control characters.
            text = sample.decode(encoding, errors="replace")
            if not any(char < " " and char not in "\t\r\n" for char in text):
                return "UTF-16 without a byte order mark"
    return None


class Start(NamedTuple):
    """How a CSV file begins: its delimiter and first record, and where that record starts and ends in bytes.

    `misread` says whether DHIS2 2.43 would misread what comes before the record, and the record itself.
    """

    delimiter: str
    first: list[Cell]
    start: int
    end: int
    misread: tuple[bool, bool]


def begin(head: bytes) -> Start:
    """Read the first record of a file from its first bytes.

    Raises:
        SourceUnreadable: TP107 no UTF-8; TP111 no record; TP112 the record is longer than `head`.
    """
    if fault := encoding_fault(head):
        raise SourceUnreadable(finding("TP107", message=f"the CSV is {fault}", found=fault, expected="UTF-8"))
    start = len(_BOM) if head.startswith(_BOM) else 0
    delimiter, misread_before = "", False
    if match := re.compile(rb"sep=([,;\t])(\r\n|\r|\n)").match(head, start):
        delimiter, start = match[1].decode(), match.end()
        misread_before = match[2] == b"\r\n"
    blank = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*").match(head, start)
    if blank and blank[0]:
        start, misread_before = blank.end(), True
    # The scanner checks the records behind the first, and the head may end within a character.
    text = head[start:].decode(errors="surrogateescape")
    if not text.strip():
        raise SourceUnreadable(finding("TP102", message="the source holds nothing but white space"))
    if not delimiter:
        line = re.split(r"[\r\n]", re.sub(r'"[^"]*"?', "", text), maxsplit=1)[0]
        delimiter = max(DELIMITERS, key=line.count)
    first, end = cells(text, delimiter)
    if end == len(text) and len(head) >= HEAD_BYTES:
        raise SourceUnreadable(
            finding("TP112", message="the first record is too long", expected=f"fewer than {HEAD_BYTES:,} bytes")
        )
    if stray := re.search("[\udc80-\udcff]", text[:end]):
        where = start + len(text[: stray.start()].encode())
        found = head[where : where + 24].decode(errors="backslashreplace")
        raise SourceUnreadable(not_utf8(f"the CSV is not UTF-8 (byte {where})", found))
    size = len(text[:end].encode())
    line_end = re.compile(rb"\r\n|\r|\n").match(head, start + size)
    misread = any(cell.misread for cell in first) or bool(line_end and line_end[0] == b"\r\n")
    end_bytes = line_end.end() if line_end else start + size
    return Start(delimiter, first, start, end_bytes, (misread_before, misread))


def records_behind(head: bytes, begun: Start, at: int) -> Iterator[list[str]]:
    """Yield the cells of the records from byte `at` on that `head` holds whole; blank ones are passed."""
    text = head[at:].decode(errors="replace")
    position = 0
    while position < len(text):
        found, end = cells(text[position:], begun.delimiter)
        if position + end >= len(text) and len(head) >= HEAD_BYTES:
            return  # the head may end within it
        position += end + len(_LINE_END.match(text, position + end)[0])  # type: ignore[index]
        texts = [cell.text for cell in found]
        if any(text.strip() for text in texts):
            yield texts


_LINE_END = re.compile(r"(?:\r\n|\r|\n)?")
