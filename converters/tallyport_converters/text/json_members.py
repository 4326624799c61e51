"""JSON members: the values of a JSON document one by one while it arrives, whatever its size.

The caller says which arrays and objects are walked; every value within those is given whole, with its path. ijson reads
the grammar; where it differs from the JSON of the standard library, that is settled here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ijson  # type: ignore[import-untyped]

VALUE_CHARACTERS = 32 << 20
"""Characters that one value may have: a data set with a million organisation units has 22 million."""

Path = tuple[str | int, ...]
"""Where a value is: the names of members and the indexes in arrays, from the root on."""

Member = tuple[Path, Any]
Event = tuple[str, Any]

_SLICE_CHARACTERS = 64 << 10
_DEPTH = 500
_NOTHING_YET = -1
_STARTS = frozenset(("start_map", "start_array"))
_ENDS = frozenset(("end_map", "end_array"))
_NO_SPACE = re.compile("[\v\f]")
_ESCAPE_CHARACTERS = "\\u0123456789abcdefABCDEF"
_LONGEST_ESCAPE = len(r"\ud83d\ude00")
_SUSPECT = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u([dD][89a-fA-F][0-9a-fA-F]{2}|0000)|.)", re.DOTALL)
_MARKED = re.compile("\0(....)")


class JsonFault(ValueError):
    """What is wrong with a document: it is not JSON, or one value is nested too deeply."""


class ValueTooLong(JsonFault):
    """One value has more than `VALUE_CHARACTERS`."""


class JsonMembers:
    """Reads a document piece by piece. `is_walked` is asked with the path of each array and object, and if it is one.

    An array or object that is walked but empty is given as a value itself. Where several members have one name, all are
    given if they are walked, and the last counts within a value. Numbers beyond 64 bits are refused.
    """

    def __init__(self, is_walked: Callable[[Path, bool], bool]) -> None:
        self._is_walked = is_walked
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._events: list[Event] = ijson.sendable_list()
        self._parser = ijson.basic_parse_coro(self._events, use_float=True)
        self.passed = 0
        """Characters that have been read without a fault."""
        self._tail = ""
        self._since_value = 0
        self._has_marks = False
        self._walked: list[Any] = []
        self._path: list[str | int] = []
        self._building: list[Any] = []
        self._name = ""

    def feed(self, piece: bytes | bytearray) -> Iterator[Member]:
        """Yield the values that end in a piece.

        Raises:
            UnicodeDecodeError: it is not UTF-8.
            JsonFault: no JSON begins like this, or a value is too long.
        """
        yield from self.feed_text(self._decoder.decode(piece))

    def feed_text(self, text: str) -> Iterator[Member]:
        """Yield the values that end in a piece of text, as `feed` does."""
        for at in range(0, len(text), _SLICE_CHARACTERS):
            part = self._tail + text[at : at + _SLICE_CHARACTERS]
            # An escape is given to the parser as a whole, to be seen as one.
            whole = part.rstrip(_ESCAPE_CHARACTERS) if "\\" in part[-_LONGEST_ESCAPE:] else part
            self._tail = part[len(whole) :]
            if whole:
                yield from self._parsed(whole)
            if self._since_value + len(self._tail) > VALUE_CHARACTERS:
                raise ValueTooLong(f"a value of more than {VALUE_CHARACTERS:,} characters")

    def end(self) -> Iterator[Member]:
        """Yield the values that end with the document.

        Raises:
            UnicodeDecodeError, JsonFault: it lacks its end.
        """
        yield from self.feed_text(self._decoder.decode(b"", final=True))
        if self._tail:
            yield from self._parsed(self._tail)
        yield from self._parsed("")

    def _parsed(self, text: str) -> Iterator[Member]:
        passed = len(text)
        if _NO_SPACE.search(text):
            raise JsonFault("a control character")  # ijson takes it for white space
        if _SUSPECT.search(text):
            # ijson makes another character of half a surrogate pair. So it gets NUL and four digits, and so for NUL.
            text = _ESCAPE.sub(lambda escape: rf"\u0000{escape[1]}" if escape[1] else escape[0], text)
            self._has_marks = True
        self._since_value += passed
        fault = None
        try:
            self._parser.send(text.encode())
        except StopIteration:
            pass
        except ijson.JSONError as error:
            fault = JsonFault(str(error).partition("\n")[0].partition(": ")[2].rstrip("."))
        except (ValueError, ArithmeticError, SystemError) as error:
            fault = JsonFault(str(error))
        events = self._events[:]
        self._events.clear()
        yield from self._members(map(_unmarked, events) if self._has_marks else events)
        if fault:
            raise fault
        self.passed += passed

    def _members(self, events: Iterable[Event]) -> Iterator[Member]:  # noqa: PLR0912 - a call for each event costs
        # Exports have millions of events: what is frequent comes first.
        building, walked, path, name = self._building, self._walked, self._path, self._name
        inner = building[-1] if building else None
        for event, value in events:
            if event == "map_key":
                name = value
                continue
            if event in _ENDS:
                if building:
                    value = building.pop()
                    inner = building[-1] if building else None
                    if inner is not None:
                        continue
                else:
                    value = walked.pop()
                    if path.pop() != _NOTHING_YET:
                        continue
            else:
                is_start = event in _STARTS
                if is_start:
                    value = {} if event == "start_map" else []
                    if len(building) + len(walked) >= _DEPTH:
                        raise JsonFault(f"values nested more than {_DEPTH} levels deep")
                if inner is not None:
                    if type(inner) is dict:
                        inner[name] = value
                    else:
                        inner.append(value)
                    if is_start:
                        building.append(value)
                        inner = value
                    continue
                if walked:
                    path[-1] = name if type(walked[-1]) is dict else int(path[-1]) + 1
                if is_start:
                    if self._is_walked(tuple(path), event == "start_array"):
                        walked.append(value)
                        path.append(_NOTHING_YET)
                    else:
                        building.append(value)
                        inner = value
                    continue
            self._since_value = 0
            yield tuple(path), value
        self._name = name


def _unmarked(event: Event) -> Event:
    name, value = event
    return name, _MARKED.sub(lambda mark: chr(int(mark[1], 16)), value) if isinstance(value, str) else value
