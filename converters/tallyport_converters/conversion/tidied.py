"""What was odd in the texts of a source: white space at their ends, which was removed, and words for nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tallyport_converters.native.abi import Spaces
from tallyport_converters.native.batch import Batch
from tallyport_schemas.finding import Finding, finding


class Tidied:
    """Counts of one source."""

    def __init__(self) -> None:
        self._spaces: Counter[Spaces] = Counter()
        self._words: Counter[tuple[str, str]] = Counter()
        self._first_space: int | None = None
        self._first_word: int | None = None

    def add(self, batch: Batch, rows_before: int) -> None:
        """Add the counts of the next batch in file order."""
        for which, count, first in batch.spaces():
            self._spaces[which] += count
            if self._first_space is None or rows_before + first < self._first_space:
                self._first_space = rows_before + first
        for place, word, count in batch.words():
            self._words[place, word] += count
            if self._first_word is None:
                self._first_word = rows_before + batch.report.nothing.first

    def findings(self, in_header: int) -> Iterator[Finding]:
        """Say what there is to say; `in_header`: identifiers of the header that had white space at their ends."""
        identifiers, texts = self._spaces[Spaces.IDENTIFIERS] + in_header, self._spaces[Spaces.TEXTS]
        parts = [_counted(identifiers, "identifier"), _counted(texts, "value or comment", "values or comments")]
        if said := [part for part in parts if part]:
            message = f"white space around {' and '.join(said)} was removed"
            yield finding("TP430", message=message, row=self._first_space)
        if self._words:
            ordered = sorted(self._words.items(), key=lambda item: (-item[1], item[0]))
            found = ", ".join(f"{word} ({place}, {count:,} times)" for (place, word), count in ordered)
            total = sum(self._words.values())
            message = (
                f"{_counted(total, 'cell')} {'reads' if total == 1 else 'read'} like a word for nothing; kept as it is"
            )
            yield finding("TP431", message=message, row=self._first_word, found=found.replace("1 times", "once"))


def _counted(count: int, one: str, several: str | None = None) -> str:
    if not count:
        return ""
    return f"1 {one}" if count == 1 else f"{count:,} {several or one + 's'}"
