"""The form of an ADV2 header: everything that can be said of it without metadata. All failures, not the first.

Rules: docs/adv2-format.md, "Group".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeGuard

from tallyport_converters.model import periods
from tallyport_converters.model.file_header import canonical_scheme
from tallyport_converters.native.abi import PLACES_LIMIT
from tallyport_converters.readers.reader import Number
from tallyport_schemas.finding import FOUND_LIMIT, Finding, finding, shown
from tallyport_schemas.group_header import KINDS, GroupHeader, OptionDimension

PROPERTIES = ("ids", "ds", "cc", "de", "pe", "ou", "coc", "co", "aoc", "ao", "delete", "undo", "size", "data")
REQUIRED = ("de", "pe", "ou", "size")
EXCLUSIVE = (("coc", "co"), ("aoc", "ao"), ("delete", "undo"))

KEYS_LIMIT = 1 << 120
"""Combinations of indexes that a group may span: the scanner packs those of a row into 128 bits."""

CATEGORIES_LIMIT = PLACES_LIMIT
"""Categories that a dimension may have."""

_ROWS = object()
_UNKNOWN = ""  # in place of a scheme that is none: identifiers cannot be held to it
_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _first_stands(repeated: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in pairs:
        if key in kept:
            repeated.append(key)
        else:
            kept[key] = value
    return kept


class _Form:
    """One header being checked: gathers findings, and values that are right in themselves."""

    def __init__(self, properties: Sequence[tuple[str, bytes]]) -> None:
        self.findings: list[Finding] = []
        self.values: dict[str, Any] = {}
        self._repeated_keys: list[str] = []
        first_stands = partial(_first_stands, self._repeated_keys)
        self._decoder = json.JSONDecoder(parse_int=Number, parse_float=Number, object_pairs_hook=first_stands)
        repeated: dict[str, None] = {}
        for name, text in properties:
            if name in self.values:
                repeated[name] = None
            else:
                self.values[name] = _ROWS if name == "data" and text == b"[" else self._parsed(name, text)
        for name in repeated:
            self.say("TP502", _named(name))

    def _parsed(self, name: str, text: bytes) -> Any:
        value = self._decoder.decode(text.decode())
        self.say_culprits("TP502", _named(name), dict.fromkeys(self._repeated_keys))
        self._repeated_keys.clear()
        return value

    def say(self, code: str, field: str, *, found: str | None = None, expected: str | None = None) -> None:
        """Report a failure."""
        self.findings.append(finding(code, field=field, found=found, expected=expected))

    def say_culprits(
        self, code: str, field: str, culprits: Iterable[str], expected: str | None = None, help: str | None = None
    ) -> None:
        """Report one failure with everything that fails."""
        names = list(culprits)
        if names:
            self.findings.append(finding(code, field=field, culprits=names, expected=expected, help=help))

    def text(self, name: str) -> str | None:
        """Return a property that must be a text, or None."""
        if name not in self.values:
            return None
        value = self.values[name]
        if not _is_text(value):
            self.say("TP504", name, found=json_text(value), expected="a text")
            return None
        if not value:
            self.say("TP512", name, found='""')
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a dimension: a text, or an array of distinct texts."""
        return self.identifiers(name, self.values[name]) if name in self.values else None

    def identifiers(self, field: str, value: Any, *, single: bool = True) -> tuple[str, ...]:
        """Return those of `value` that can be looked at further; what is wrong with the others is reported."""
        items = [value] if single and _is_text(value) else value
        if not isinstance(items, list):
            expected = "a text, or an array of texts" if single else "an array of texts"
            self.say("TP504", field, found=json_text(value), expected=expected)
            return ()
        self.say_culprits("TP504", field, (json_text(item) for item in items if not _is_text(item)), "texts")
        if not items or "" in items:
            self.say("TP512", field, found=json_text(value))
        known: dict[str, None] = {}
        repeated: dict[str, None] = {}
        for item in items:
            if _is_text(item) and item:
                (repeated if item in known else known)[item] = None
        self.say_culprits("TP506", field, repeated)
        return tuple(known)

    def options(self, name: str) -> OptionDimension | None:
        """Return a dimension by category options: an array for each category, or keyed by category."""
        if name not in self.values:
            return None
        value = self.values[name]
        if not isinstance(value, dict | list):
            expected = "an array of arrays, or an object of category: options"
            self.say("TP504", name, found=json_text(value), expected=expected)
            return None
        if len(value) > CATEGORIES_LIMIT:
            self.say("TP513", name, found=f"{len(value):,} categories", expected=f"at most {CATEGORIES_LIMIT}")
            return None
        if not value or (isinstance(value, dict) and "" in value):
            self.say("TP512", name, found=json_text(value))
        if isinstance(value, dict):
            places = [self.identifiers(f"{name}.{shown(key)}", options) for key, options in value.items()]
            return OptionDimension(tuple(value), tuple(places))
        places = [self.identifiers(f"{name}[{i}]", options, single=False) for i, options in enumerate(value)]
        return OptionDimension(None, tuple(places))


def _named(name: str) -> str:
    return shown(name) or '""'


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and not isinstance(value, Number)


def json_text(value: object) -> str:
    """Return parsed JSON, whose numbers kept their text, as JSON; of long arrays and objects the beginning."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(json_text(item) for item in value[:FOUND_LIMIT])}]"
    if isinstance(value, dict):
        members = (f"{json.dumps(key)}: {json_text(item)}" for key, item in islice(value.items(), FOUND_LIMIT))
        return f"{{{', '.join(members)}}}"
    return json.dumps(value, ensure_ascii=False)


def check_form(
    properties: Sequence[tuple[str, bytes]], *, any_identifiers: bool = False, takes_undo: bool = False
) -> tuple[GroupHeader | None, list[Finding], str | None]:
    """Check a header as read; returns it (None if its form fails), all failures, and the data element if it has one.

    `properties` are names with their JSON; `data` is `[` where rows follow. With `any_identifiers` those that are said
    to be UIDs need not look like some. `takes_undo`: the group may be one that brings back what another removed.
    """
    form = _Form(properties)
    values = form.values
    for name in values:
        if name not in PROPERTIES:
            form.say("TP501", _named(name), expected=f"one of {' '.join(PROPERTIES)}")
    for name in REQUIRED:
        if name not in values:
            form.say("TP503", name)
    for one, other in EXCLUSIVE:
        if one in values and other in values:
            form.say("TP505", f"{one}, {other}")
    if "data" in values and values["data"] is not _ROWS:
        form.say("TP504", "data", found=json_text(values["data"]), expected="an array of rows")
    ids = _ids(form)
    de, ds, cc = form.text("de"), form.text("ds"), form.text("cc")
    pe, ou, coc, aoc = (form.texts(name) for name in ("pe", "ou", "coc", "aoc"))
    co, ao = form.options("co"), form.options("ao")
    delete = values.get("delete")
    if "delete" in values and not (_is_text(delete) and delete in ("soft", "hard")):
        form.say("TP511", "delete", found=json_text(delete), expected="soft or hard")
    undo = _undo(form, takes_undo=takes_undo)
    size = _size(form)
    if size and "data" not in values:
        form.say("TP503", "data", expected=counted_rows(size))
    _check_periods(form, pe or ())
    schemes = dict.fromkeys(ids, _UNKNOWN) if any_identifiers else ids
    _check_identifiers(form, schemes, de=de, ds=ds, cc=cc, ou=ou, coc=coc, aoc=aoc, co=co, ao=ao)
    if form.findings or de is None or pe is None or ou is None or size is None:
        return None, form.findings, None if de is None else shown(de)
    header = GroupHeader(ids, ds, cc, de, pe, ou, coc, co, aoc, ao, delete, size, undo)
    _check_keys(form, header)
    return (None if form.findings else header), form.findings, de


@dataclass(frozen=True, slots=True)
class Readable:
    """What can be read of a header whose form fails, so that metadata can be asked about it all the same.

    `unreadable`: the properties of which it says nothing, so that nothing can be said of them.
    """

    header: GroupHeader
    unreadable: frozenset[str]

    def certain(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return those findings of metadata that hold whatever the unreadable properties were to say."""
        return [found for found in findings if self.unreadable.isdisjoint(_properties_of(found))]


def readable(properties: Sequence[tuple[str, bytes]], findings: Sequence[Finding]) -> Readable | None:
    """Return what can be read of a header whose form fails by these findings; None where that is too little."""
    wrong = frozenset(name for found in findings for name in _properties_of(found))
    if not wrong.isdisjoint(("ids", "de")):
        return None  # no identifier can be looked up, or no data element
    unreadable = wrong - {"pe", "ou"}  # of these lists, those that are right are looked at
    for family in _FAMILIES:
        if not unreadable.isdisjoint(family):
            unreadable |= family
    form = _Form([(name, text) for name, text in properties if name not in unreadable])
    ids = _ids(form)
    de, ds, cc = form.text("de"), form.text("ds"), form.text("cc")
    pe, ou, coc, aoc = (form.texts(name) or () for name in ("pe", "ou", "coc", "aoc"))
    if de is None:
        return None
    header = GroupHeader(
        ids,
        ds,
        cc,
        de,
        tuple(name for name in pe if periods.parse(name)),
        tuple(name for name in ou if _fits_scheme(ids["ou"], name)),
        coc or None,
        form.options("co"),
        aoc or None,
        form.options("ao"),
        form.values.get("delete"),
        0,
    )
    return Readable(header, unreadable)


_FAMILIES = (frozenset({"cc", "co", "coc"}), frozenset({"ao", "aoc"}))
"""Properties that say the same thing in different ways: of what one of them says wrongly, the others say nothing."""


def _properties_of(found: Finding) -> list[str]:
    """Return the properties that a finding's field is in: `co` for `co.Age`, both for `co, ao`."""
    return [name for part in (found.field or "").split(", ") for name in re.findall("^[a-z]+", part)]


def counted_rows(count: int) -> str:
    """Return a number of rows in words."""
    return "1 row" if count == 1 else f"{count:,} rows"


def _ids(form: _Form) -> Mapping[str, str]:
    schemes = dict.fromkeys(KINDS, "UID")
    if "ids" not in form.values:
        return schemes
    value = form.values["ids"]
    if _is_text(value):
        return dict.fromkeys(KINDS, _scheme(form, "ids", value))
    if not isinstance(value, dict):
        form.say("TP504", "ids", found=json_text(value), expected="a scheme, or an object of kind: scheme")
        return dict.fromkeys(KINDS, _UNKNOWN)
    form.say_culprits("TP509", "ids", (kind for kind in value if kind not in KINDS), f"one of {' '.join(KINDS)}")
    for kind in KINDS:
        if kind in value:
            schemes[kind] = _scheme(form, f"ids.{kind}", value[kind])
    return schemes


def _scheme(form: _Form, field: str, text: Any) -> str:
    """Return a scheme, or `_UNKNOWN`."""
    if not _is_text(text):
        form.say("TP504", field, found=json_text(text), expected="a text")
        return _UNKNOWN
    try:
        usual = canonical_scheme(text)
    except ValueError:
        form.say("TP509", field, found=text, expected="UID, CODE, NAME or ATTRIBUTE:<uid>")
        return _UNKNOWN
    if usual != text:
        form.say("TP509", field, found=text, expected=usual)
    return usual


def _undo(form: _Form, *, takes_undo: bool) -> str | None:
    if "undo" not in form.values:
        return None
    value = form.values["undo"]
    if not takes_undo:
        form.say("TP745", "undo")
    elif not _is_time(value):
        form.say("TP504", "undo", found=json_text(value), expected="a time such as 2025-01-31 14:30:00.123456")
    else:
        return str(value)
    return None


def _is_time(value: object) -> bool:
    if not _is_text(value) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _size(form: _Form) -> int | None:
    if "size" not in form.values:
        return None
    value = form.values["size"]
    if not isinstance(value, Number) or not re.fullmatch(r"0|[1-9][0-9]{0,17}", value):
        form.say("TP504", "size", found=json_text(value), expected="a whole number from 0")
        return None
    return int(value)


def _check_periods(form: _Form, names: Sequence[str]) -> None:
    """Check that there are periods, in their usual form; an invalid one is explained."""
    none: list[str] = []
    unusual: dict[str, str] = {}
    for name in names:
        period = periods.parse(name)
        if period is None:
            none.append(name)
        elif period.iso != name:
            unusual[name] = period.iso
    form.say_culprits("TP508", "pe", none, periods.explain(none[0]) if len(none) == 1 else None)
    form.say_culprits("TP508", "pe", unusual, f"the usual form, {', '.join(unusual.values())}")


def _check_identifiers(form: _Form, ids: Mapping[str, str], **dimensions: Any) -> None:
    """Check that identifiers are well formed in their scheme: a UID has 11 characters, others are any storable text."""
    for name, value in dimensions.items():
        if value is None:
            continue
        if isinstance(value, OptionDimension):
            _check_kind(form, ids["c"], f"{name} categories", [c for c in value.categories or () if c])
            for label, options in zip(place_names(name, value), value.options, strict=True):
                _check_kind(form, ids["co"], label, options)
        else:
            _check_kind(form, ids[name], name, (value,) if isinstance(value, str) else value)


def place_names(dimension: str, options: OptionDimension) -> list[str]:
    """Return what findings call each category of a dimension: `co.Age`, or `co[0]` where categories have no names."""
    if options.categories is None:
        return [f"{dimension}[{i}]" for i in range(len(options.options))]
    return [f"{dimension}.{shown(category)}" for category in options.categories]


def _check_kind(form: _Form, scheme: str, field: str, names: Sequence[str]) -> None:
    bad = [name for name in names if not _fits_scheme(scheme, name)]
    expected = "a UID: a letter, then 10 letters or digits"
    if scheme != "UID":
        expected = "a text without NUL and lone surrogates"
    is_operand = any(_UID.fullmatch(name.partition(".")[0]) and "." in name for name in bad)
    form.say_culprits("TP507", field, bad, expected, _OF_OPERANDS if is_operand else None)


_OF_OPERANDS = "a point separates data element and option combo in analytics: give the combo as coc, not in de"


def _fits_scheme(scheme: str, name: str) -> bool:
    return bool(_UID.fullmatch(name)) if scheme == "UID" else not _UNSTORABLE.search(name)


def _check_keys(form: _Form, header: GroupHeader) -> None:
    """Check that the scanner can hold the indexes of a row."""
    explicit = [n for n in header.places if n > 1]
    keys = 1
    for n in explicit:
        keys *= n
    if len(explicit) > PLACES_LIMIT:
        form.say("TP513", "co, ao", found=f"{len(explicit)} dimensions", expected=f"at most {PLACES_LIMIT}")
    elif keys > KEYS_LIMIT:
        form.say("TP513", "co, ao", found=f"{keys:.1e} keys", expected=f"at most {KEYS_LIMIT:.1e}")
