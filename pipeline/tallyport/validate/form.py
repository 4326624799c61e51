"""The form of an ADV2 header: everything that can be said of it without metadata. All failures, not the first.

Rules: docs/adv2-format.md, "Group".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tallyport_converters import periods
from tallyport_converters.header import canonical_scheme
from tallyport_converters.native.adv2 import PLACES_LIMIT
from tallyport_converters.readers.dxf_json import loads
from tallyport_converters.readers.reader import Number
from tallyport_schemas.findings import Finding, finding, shown
from tallyport_schemas.header import KINDS, GroupHeader, OptionDimension

PROPERTIES = ("ids", "ds", "cc", "de", "pe", "ou", "coc", "co", "aoc", "ao", "delete", "size", "data")
REQUIRED = ("de", "pe", "ou", "size")
EXCLUSIVE = (("coc", "co"), ("aoc", "ao"))

KEYS_LIMIT = 1 << 120
"""Combinations of indexes that a group may span: the scanner packs those of a row into 128 bits."""

_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class _Form:
    """One header being checked: gathers findings, and values that are right in themselves."""

    def __init__(self, properties: Sequence[tuple[str, bytes]]) -> None:
        self.findings: list[Finding] = []
        self.values: dict[str, Any] = {}
        for name, text in properties:
            if name in self.values:
                self.say("TP502", name)
            elif name == "data":
                self.values[name] = None if text == b"[" else loads(text)
            else:
                self.values[name] = loads(text)

    def say(self, code: str, field: str, found: object = None, expected: str | None = None) -> None:
        """Report a failure."""
        text = None if found is None else found if isinstance(found, str) else json.dumps(found)
        self.findings.append(finding(code, field=field, found=text, expected=expected))

    def say_culprits(self, code: str, field: str, culprits: Iterable[str], expected: str | None = None) -> None:
        """Report one failure with everything that fails."""
        names = list(culprits)
        if names:
            self.findings.append(finding(code, field=field, culprits=names, expected=expected))

    def text(self, name: str) -> str | None:
        """Return a property that must be a text, or None."""
        value = self.values.get(name)
        if name not in self.values:
            return None
        if not isinstance(value, str) or isinstance(value, Number):
            self.say("TP504", name, value, "a text")
            return None
        if not value:
            self.say("TP512", name)
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a dimension: a text, or an array of distinct texts."""
        if name not in self.values:
            return None
        return self.identifiers(name, self.values[name])

    def identifiers(self, name: str, value: Any, *, single: bool = True) -> tuple[str, ...] | None:
        """Return `value` as distinct texts."""
        items = [value] if single and isinstance(value, str) else value
        wrong = not isinstance(items, list) or any(not isinstance(i, str) or isinstance(i, Number) for i in items)
        if wrong:
            self.say("TP504", name, value, "a text or an array of texts" if single else "an array of texts")
            return None
        if not items or not all(items):
            self.say("TP512", name, value if items else None)
            return None
        if len(set(items)) < len(items):
            seen: set[str] = set()
            twice = dict.fromkeys(i for i in items if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            self.say_culprits("TP506", name, twice)
            return None
        return tuple(items)

    def options(self, name: str) -> OptionDimension | None:
        """Return a dimension by category options: an array for each category, or keyed by category."""
        if name not in self.values:
            return None
        value = self.values[name]
        if isinstance(value, dict):
            if not value or not all(value):
                self.say("TP512", name, value)
                return None
            places = [self.identifiers(f"{name}.{category}", options) for category, options in value.items()]
            categories: tuple[str, ...] | None = tuple(value)
        elif isinstance(value, list):
            if not value:
                self.say("TP512", name)
                return None
            places = [self.identifiers(f"{name}[{i}]", options, single=False) for i, options in enumerate(value)]
            categories = None
        else:
            self.say("TP504", name, value, "an array of arrays, or an object of category: options")
            return None
        whole = tuple(place for place in places if place is not None)
        return OptionDimension(categories, whole) if len(whole) == len(places) else None


def check_form(
    properties: Sequence[tuple[str, bytes]], *, has_rows: bool
) -> tuple[GroupHeader | None, list[Finding], str | None]:
    """Check a header as read; returns it (None if its form fails), all failures, and the data element if it has one."""
    form = _Form(properties)
    values = form.values
    for name in values:
        if name not in PROPERTIES:
            form.say("TP501", shown(name), expected=", ".join(PROPERTIES))
    for name in REQUIRED:
        if name not in values:
            form.say("TP503", name)
    for one, other in EXCLUSIVE:
        if one in values and other in values:
            form.say("TP505", f"{one}, {other}")
    names = [name for name, _ in properties]
    if "data" in names and not has_rows:
        if values["data"] is not None:
            form.say("TP504", "data", values["data"], "an array of rows")
        elif names[-1] != "data":
            form.say("TP510", "data")
    ids = _ids(form)
    de, ds, cc = form.text("de"), form.text("ds"), form.text("cc")
    pe, ou, coc, aoc = (form.texts(name) for name in ("pe", "ou", "coc", "aoc"))
    co, ao = form.options("co"), form.options("ao")
    delete = values.get("delete")
    if "delete" in values and delete not in ("soft", "hard"):
        form.say("TP511", "delete", delete, "soft or hard")
    size = _size(form)
    if size and "data" not in values:
        form.say("TP503", "data", expected=f"{size:,} rows")
    _check_periods(form, pe or ())
    _check_identifiers(form, ids, de=de, ds=ds, cc=cc, ou=ou, coc=coc, aoc=aoc, co=co, ao=ao)
    if form.findings or de is None or pe is None or ou is None or size is None:
        return None, form.findings, de
    header = GroupHeader(ids, ds, cc, de, pe, ou, coc, co, aoc, ao, delete, size)
    explicit = [n for n in header.places if n > 1]
    keys = 1
    for n in explicit:
        keys *= n
    if len(explicit) > PLACES_LIMIT or keys > KEYS_LIMIT:
        form.say("TP513", "size", expected=f"at most {PLACES_LIMIT} dimensions and 2^120 keys")
        return None, form.findings, de
    return header, [], de


def _ids(form: _Form) -> Mapping[str, str]:
    value = form.values.get("ids")
    schemes = dict.fromkeys(KINDS, "UID")
    if "ids" not in form.values:
        return schemes
    stated = value if isinstance(value, dict) else dict.fromkeys(KINDS, value)
    for kind, text in stated.items():
        field = f"ids.{shown(kind)}" if isinstance(value, dict) else "ids"
        if kind not in KINDS:
            form.say("TP509", field, expected=f"one of {' '.join(KINDS)}")
            continue
        try:
            schemes[kind] = canonical_scheme(text if isinstance(text, str) and not isinstance(text, Number) else "")
        except ValueError:
            form.say("TP509", field, text, "UID, CODE, NAME or ATTRIBUTE:<uid>")
            if not isinstance(value, dict):
                break
    return schemes


def _size(form: _Form) -> int | None:
    value = form.values.get("size")
    if "size" not in form.values:
        return None
    if not isinstance(value, Number) or not re.fullmatch(r"0|[1-9][0-9]{0,17}", value):
        form.say("TP504", "size", str(value) if isinstance(value, Number) else value, "a whole number from 0")
        return None
    return int(value)


def _check_periods(form: _Form, names: Sequence[str]) -> None:
    for name in names:
        period = periods.parse(name)
        if period is None:
            form.say("TP508", "pe", name, periods.explain(name))
        elif period.iso != name:
            form.say("TP508", "pe", name, f"{period.iso}, its usual form")


def _check_identifiers(form: _Form, ids: Mapping[str, str], **dimensions: Any) -> None:
    """Check that identifiers are well formed in their scheme: a UID has 11 characters, others are any storable text."""
    for name, value in dimensions.items():
        if value is None:
            continue
        if isinstance(value, OptionDimension):
            _check_kind(form, ids["c"], f"{name} categories", value.categories or ())
            for place, options in enumerate(value.options):
                label = f"{name}.{value.categories[place]}" if value.categories else f"{name}[{place}]"
                _check_kind(form, ids["co"], label, options)
        else:
            _check_kind(form, ids[name], name, (value,) if isinstance(value, str) else value)


def _check_kind(form: _Form, scheme: str, field: str, names: Sequence[str]) -> None:
    if scheme == "UID":
        bad = [name for name in names if not _UID.fullmatch(name)]
        form.say_culprits("TP507", field, bad, "a UID: a letter, then 10 letters or digits")
    else:
        bad = [name for name in names if _UNSTORABLE.search(name)]
        form.say_culprits("TP507", field, bad, "a text without NUL and lone surrogates")
