"""Metadata exports as JSON: the elements of their collections, one by one.

Never holds the document: what is held is one element, and a block. Knows what JSON is, not what the elements mean.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from tallyport_converters.sources import Source
from tallyport_schemas.finding import SourceUnreadable, finding

ELEMENT_CHARACTERS = 32 << 20
"""Characters of one element at most: a data set with a million organisation units has 22 million."""

BARE = ""
"""The collection that the elements of a bare array are said to be in."""

_BLOCK_BYTES = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
_LONGEST_WORD = 16
_MISSING = object()


def elements(source: Source) -> Iterator[tuple[str, Any]]:
    """Yield the collection and the element for every element of an export: an object of collections, or an array.

    A collection without elements yields its name and None. What is no array is passed over.

    Raises:
        SourceUnreadable: TP107, TP108 or TP112, or what the source says when it cannot be read.
    """
    text = _Text(source)
    first = text.next_character()
    if first == "[":
        yield from _array(text, BARE)
    elif first == "{":
        yield from _collections(text)
    else:
        raise text.malformed("an object or an array")
    if text.next_character():
        raise text.malformed("the end of the document")


def _collections(text: _Text) -> Iterator[tuple[str, Any]]:
    text.skip()
    if text.next_character() == "}":
        text.skip()
        return
    while True:
        name = text.value() if text.next_character() == '"' else None
        if not isinstance(name, str):
            raise text.malformed("the name of a collection")
        if text.next_character() != ":":
            raise text.malformed("a colon")
        text.skip()
        if text.next_character() == "[":
            yield from _array(text, name)
        else:
            text.value()
        if text.is_last("}"):
            return


def _array(text: _Text, name: str) -> Iterator[tuple[str, Any]]:
    text.skip()
    if text.next_character() == "]":
        text.skip()
        yield name, None
        return
    while True:
        yield name, text.value()
        if text.is_last("]"):
            return


class _Text:
    """The text of a source, read as it is used."""

    def __init__(self, source: Source) -> None:
        self._source = source.name
        self._blocks = source.blocks(_BLOCK_BYTES)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._place = 0
        self._passed = 0
        self._is_whole = False
        self._decode = json.JSONDecoder(parse_constant=self._constant).raw_decode

    def next_character(self) -> str:
        """Return the next character that is no white space, without passing it; empty at the end."""
        while True:
            self._place = _SPACE.match(self._text, self._place).end()  # type: ignore[union-attr]
            if self._place < len(self._text) or not self._read():
                return self._text[self._place : self._place + 1]

    def skip(self) -> None:
        """Pass the character that `next_character` gave."""
        self._place += 1

    def is_last(self, bracket: str) -> bool:
        """Pass a comma or `bracket`; say if it was the latter."""
        character = self.next_character()
        if character not in (",", bracket) or not character:
            raise self.malformed(f"a comma or {bracket}")
        self.skip()
        return character == bracket

    def value(self) -> Any:
        """Pass and return the next value."""
        self.next_character()
        while True:
            value = self._value()
            # What ends where the text does may go on: 12 or 123.
            if value is not _MISSING and (self._end < len(self._text) or not self._read()):
                self._place = self._end
                return value
            if value is _MISSING:
                if self._is_whole:
                    raise self.malformed("a whole value")
                if len(self._text) - self._place > ELEMENT_CHARACTERS:
                    raise self._too_long()
                self._read(max(_BLOCK_BYTES, len(self._text) - self._place))

    def _value(self) -> Any:
        try:
            value, self._end = self._decode(self._text, self._place)
        except RecursionError:
            raise self.malformed("values that are nested less deeply") from None
        except ValueError as error:
            if not isinstance(error, json.JSONDecodeError):
                raise self.malformed("a number of sensible length") from None
            # Only what stands at the end can become sound as the text goes on, and a text that has not ended yet.
            if error.pos < len(self._text) - _LONGEST_WORD and not error.msg.startswith("Unterminated"):
                self._place = error.pos
                raise self.malformed("sound JSON") from None
            return _MISSING
        if self._end - self._place > ELEMENT_CHARACTERS:
            raise self._too_long()
        return value

    def _read(self, characters: int = 1) -> bool:
        """Read at least so many characters on; say if there are any."""
        if self._is_whole:
            return False
        parts = [self._text[self._place :]]
        self._passed += self._place
        self._place = 0
        read = 0
        try:
            while read < characters and not self._is_whole:
                block = next(self._blocks, b"")
                self._is_whole = not block
                parts.append(self._decoder.decode(block, final=self._is_whole))
                read += len(parts[-1])
        except UnicodeDecodeError as error:
            raise SourceUnreadable(finding("TP107", source=self._source, found=error.reason)) from error
        self._text = "".join(parts)
        return read > 0

    def malformed(self, expected: str) -> SourceUnreadable:
        """Return the exception for something else at this place than what is `expected`."""
        there = self._text[self._place : self._place + 40]
        where = f"{there!r} at character {self._passed + self._place:,}" if there else "the end of the file"
        return SourceUnreadable(finding("TP108", source=self._source, found=where, expected=expected))

    def _too_long(self) -> SourceUnreadable:
        return SourceUnreadable(
            finding(
                "TP112",
                message="a single object is too long",
                help="check the file: no metadata object is that long",
                source=self._source,
                found=f"more than {ELEMENT_CHARACTERS:,} characters from character {self._passed + self._place:,} on",
            )
        )

    def _constant(self, name: str) -> NoReturn:
        raise json.JSONDecodeError(f"{name} is no JSON", self._text, self._place)
