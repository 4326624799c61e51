"""Trail: the way back from the rows of a conversion's ADV2 files to the rows of the source that they were made of.

For each file there is another, in a folder of its own, with the number of each row's source row. The place and content
of such a row are read in the source again: only for rows that there is something to report about.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tallyport_converters.conversion.scan import BlockPlace
from tallyport_converters.conversion.source_rows import SourceRow, source_rows
from tallyport_converters.model.file_header import Header
from tallyport_converters.readers.reader import Reader
from tallyport_converters.sources import Source

SUFFIX = ".rows"
_SIZE = 8


@dataclass(frozen=True, slots=True)
class Trail:
    """The way back into one source. `folder` has the numbers of rows; `reader` reads the source that is opened again.

    The source, and `folder`, have to be there for as long as this is used.
    """

    path: str
    name: str
    reader: Callable[[Source], Reader]
    header: Header
    places: Sequence[BlockPlace]
    folder: Path

    def numbers(self, file: str, rows: Sequence[int]) -> array[int]:
        """Return the source rows of rows of an ADV2 file, both counted from 0: of all its groups together."""
        found = array("Q")
        with (self.folder / f"{file}{SUFFIX}").open("rb") as numbers:
            for row in rows:
                numbers.seek(row * _SIZE)
                found.frombytes(numbers.read(_SIZE))
        return found

    def rows(self, numbers: Iterable[int]) -> Iterator[SourceRow]:
        """Yield source rows, given in rising order.

        Raises:
            SourceUnreadable: the source is no longer there, or no longer what it was.
        """
        with closing(Source.open(self.path, name=self.name)) as source:
            yield from source_rows(self.reader(source), numbers, self.places)
