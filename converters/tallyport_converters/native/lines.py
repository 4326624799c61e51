"""Where blocks of a file may be cut, and on which lines they lie."""

from __future__ import annotations

from tallyport_converters.native import abi
from tallyport_converters.native.library import Buffer, address, library


def cut_json(block: Buffer) -> int:
    """Guess where a block of DXF2 JSON may be cut: after a comma between rows; 0 for nowhere."""
    return int(library.tp_cut_json(*address(block)))


def cut_csv(block: Buffer) -> int:
    """Guess where a block of CSV may be cut: after a line end; 0 for nowhere."""
    return int(library.tp_cut_csv(*address(block)))


def cut_xml(block: Buffer, tag: bytes) -> int:
    """Guess where a block of XML may be cut: before the last start `tag` (`<group`); 0 for nowhere."""
    return int(library.tp_cut_xml(*address(block), tag, len(tag)))


class Lines:
    """Counts the lines of a text that comes in parts, and of CSV its records: `state` is that after the last byte."""

    def __init__(self, delimiter: str = "") -> None:
        self.state = abi.Lines(delimiter=ord(delimiter) if delimiter else 0)

    def count(self, block: Buffer) -> None:
        """Count on."""
        library.tp_lines_count(self.state, *address(block))

    def copy(self) -> Lines:
        """Return the same count, to continue from."""
        other = Lines()
        other.state = abi.Lines.from_buffer_copy(self.state)
        return other
