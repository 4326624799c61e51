"""Metadata exports as JSON: the elements of their collections, one by one.

Knows that an export is an object of collections or a bare array, not what the elements mean.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from typing import Any

from tallyport_converters.sources import Source
from tallyport_converters.text.json_members import VALUE_CHARACTERS, JsonFault, JsonMembers, Member, Path, ValueTooLong
from tallyport_schemas.finding import SourceUnreadable, finding

BARE = ""
"""The collection that the elements of a bare array are said to be in."""

_BLOCK_BYTES = 1 << 20
_SHOWN_CHARACTERS = 20


def elements(source: Source) -> Iterator[tuple[str, Any]]:
    """Yield the collection and the element for every element of an export: an object of collections, or an array.

    A collection without elements yields its name and None. What is not an array is skipped.

    Raises:
        SourceUnreadable: TP107, TP108 or TP112, or what the source says when it cannot be read.
    """
    document = JsonMembers(_is_collection)
    try:
        for block in source.blocks(_BLOCK_BYTES):
            yield from _elements(document.feed(block))
        yield from _elements(document.end())
    except UnicodeDecodeError as error:
        raise SourceUnreadable(finding("TP107", source=source.name, found=error.reason)) from error
    except ValueTooLong as fault:
        raise SourceUnreadable(
            finding(
                "TP112",
                message="a single object is too long",
                help="check the file: no metadata object is that long",
                source=source.name,
                found=f"{fault} up to character {document.passed:,}",
                expected=f"at most {VALUE_CHARACTERS:,} characters",
            )
        ) from fault
    except JsonFault as fault:
        found = f"{_place(source, document.passed)}: {fault}"
        raise SourceUnreadable(finding("TP108", source=source.name, found=found, expected="sound JSON")) from fault


def _is_collection(path: Path, is_array: bool) -> bool:
    return not path or (is_array and len(path) == 1 and isinstance(path[0], str))


def _elements(members: Iterator[Member]) -> Iterator[tuple[str, Any]]:
    for path, value in members:
        match path:
            case (str(name), int()):
                yield name, value
            case (int(),):
                yield BARE, value
            case (str(name),) if value == []:
                yield name, None
            case () if value == []:
                yield BARE, None
            case () if value != {}:
                raise JsonFault("neither an object nor an array")


def _place(source: Source, passed: int) -> str:
    """Return where a fault is: what follows the characters that `passed` is read again, one by one."""
    document = JsonMembers(_is_collection)
    at = 0
    for text in codecs.iterdecode(map(bytes, source.blocks(_BLOCK_BYTES)), "utf-8-sig"):
        sound = min(len(text), max(passed - at, 0))
        for start, end in ((0, sound), *((here, here + 1) for here in range(sound, len(text)))):
            try:
                deque(_elements(document.feed_text(text[start:end])), maxlen=0)
            except JsonFault:
                around = text[max(end - _SHOWN_CHARACTERS, 0) : end + _SHOWN_CHARACTERS]
                return f"{around!r} at character {at + end:,}"
        at += len(text)
    return "the end of the file"
