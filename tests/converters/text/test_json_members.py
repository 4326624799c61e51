"""JSON members: the values that the standard library reads, wherever the document is cut, and ijson's traps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyport_converters.text.json_members import JsonFault, JsonMembers, Member, Path

TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(1 - 2**63, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=20,
)


def everything(path: Path, is_array: bool) -> bool:
    return True


def nothing(path: Path, is_array: bool) -> bool:
    return False


def upper(path: Path, is_array: bool) -> bool:
    return len(path) < 2


def read(document: bytes, is_walked: Any = upper, *, step: int = 1 << 20) -> list[Member]:
    members = JsonMembers(is_walked)
    found = [member for at in range(0, len(document), step) for member in members.feed(document[at : at + step])]
    return found + list(members.end())


def walked(value: Any, is_walked: Any, path: Path = ()) -> list[Member]:
    """The members that `read` has to give of a document of this value."""
    if not value or not isinstance(value, dict | list) or not is_walked(path, isinstance(value, list)):
        return [(path, value)]
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value)
    return [member for key, inner in inside for member in walked(inner, is_walked, (*path, key))]


@given(ANY_JSON, st.booleans(), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_members_are_those_of_the_standard_library_wherever_the_document_is_cut(
    value: Any, is_escaped: bool, step: int
) -> None:
    document = json.dumps(value, ensure_ascii=is_escaped).encode()
    for is_walked in (everything, nothing, upper):
        assert read(document, is_walked, step=step) == walked(value, is_walked)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbf[1]", step=1) == [((0,), 1)]


def test_members_of_one_name_are_all_walked_and_the_last_counts_within_a_value() -> None:
    assert read(b'{"a":[1],"a":[2,{"b":1,"b":2}]}') == [(("a", 0), 1), (("a", 0), 2), (("a", 1), {"b": 2})]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    "written",
    [
        *(
            r"\ud800",
            r"\ud800A",
            r"\udc00",
            r"\uD800\ud83d\uDE00",
            r"\\ud800",
            r"\\\ud800\\",
            r"\ud83d\ude00",
            r"\ud83d",
        ),
        *(r"\u0000", r"\u0000d800", r"\ud800d800\u00000000", r"\udc00\ud800\u0041"),
    ],
)
def test_half_a_surrogate_pair_and_nul_stay_what_they_are(written: str, step: int) -> None:
    for document in (f'["{written}"]', f'[{{"{written}":1}}]'):
        assert read(document.encode(), nothing, step=step) == [((), json.loads(document))]


@pytest.mark.parametrize(
    "document",
    [
        *(b"[\f1]", b"[1]\v", b'["\f"]', b'["\n"]', b"[NaN]", b"[01]", b"[1.]", b"[-]", b"[.5]", b"[+1]"),
        *(b"[1e400]", b"[9223372036854775808]", b"[" + b"9" * 5000 + b"]", b"[/**/1]"),
        *(b'["\\x"]', b'["\\u12g4"]', b'["\\ud8g4"]', b'["\\ud800\\udcg0"]'),
        *(b"", b" ", b"[1", b'["\\', b'{"a"', b"[1]]", b"[] []", b"'a'", b'{"a":1,}', b"[1,]", b"{1:2}", b"\0[]"),
        b"[" * 501 + b"]" * 501,
    ],
)
def test_what_is_no_json_is_a_fault(document: bytes) -> None:
    for step in (1, 1000):
        with pytest.raises(JsonFault):
            read(document, step=step)


@pytest.mark.parametrize("document", [b'["\xff"]', b'["\xc0\x80"]', b'["\xed\xa0\x80"]', b'["\xc3'])
def test_what_is_no_utf_8_is_said_to_be(document: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        read(document)
