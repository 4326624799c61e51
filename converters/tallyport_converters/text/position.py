"""Where a byte of a source lies, for a person: line, column and content. Reads the source again."""

from __future__ import annotations

from collections.abc import Iterator

from tallyport_converters.native.library import Buffer

LOCATED_BYTES = 1 << 20
"""Bytes of the blocks in which a source is read for this."""


def locate(blocks: Iterator[Buffer], offset: int) -> tuple[str, str]:
    """Return ("line 3, column 14, byte 260", the few characters that stand there); lines and columns from 1."""
    lines, line_start, position = 0, 0, 0
    before, after = b"", b""
    for block in blocks:
        part = bytes(block[: max(0, offset - position)])
        if part:
            if count := part.count(b"\n"):
                lines += count
                line_start = position + part.rindex(b"\n") + 1
            before = (before + part)[-4096:]
        if position + len(block) > offset:
            start = max(0, offset - position)
            after += bytes(block[start : start + 24 - len(after)])
            if len(after) >= 24:
                break
        position += len(block)
    in_line = before[-min(len(before), offset - line_start) :] if offset > line_start else b""
    is_whole = offset - line_start <= len(before)
    column = (len(in_line.decode(errors="replace")) if is_whole else offset - line_start) + 1
    found = after.decode(errors="backslashreplace") if after else "the end of the file"
    return f"line {lines + 1}, column {column}, byte {offset}", found
