"""What fields are called: the names in circulation, what they mean, and what may be meant by one that means nothing.

Rules: docs/formats/README.md, "Names".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice

from tallyport_converters.native.abi import Field, Kind, NamedBy
from tallyport_converters.native.batch import Naming, field_named
from tallyport_schemas.finding import Finding, finding

CANONICAL: Mapping[int, str] = {
    Kind.DE: "dataElement",
    Kind.PE: "period",
    Kind.OU: "orgUnit",
    Kind.COC: "categoryOptionCombo",
    Kind.AOC: "attributeOptionCombo",
    Kind.DS: "dataSet",
    Field.VALUE: "value",
    Field.COMMENT: "comment",
    Field.FOLLOWUP: "followUp",
    Field.DELETED: "deleted",
    Field.STORED_BY: "storedBy",
    Field.CREATED: "created",
    Field.LAST_UPDATED: "lastUpdated",
}
"""DHIS2's own names."""

_ALIKE: Mapping[str, str] = {
    **{name.lower(): name for name in CANONICAL.values()},
    "organisationunit": "orgUnit",
    "catoptcombo": "categoryOptionCombo",
    "catoptioncombo": "categoryOptionCombo",
    "attroptcombo": "attributeOptionCombo",
    "attroptioncombo": "attributeOptionCombo",
    "isdeleted": "deleted",
}
"""Names that others are compared with, and the fields that they are."""

NO_PLACE = frozenset({Field.STORED_BY, Field.CREATED, Field.LAST_UPDATED})
"""What is known and has no place in ADV2."""

SCHEMED: Mapping[int, str] = {Kind.DE: "de", Kind.OU: "ou", Kind.COC: "coc", Kind.AOC: "aoc", Kind.DS: "ds"}
"""Identifiers that have a scheme, by ADV2's name of the kind."""

_SCHEMES: Mapping[NamedBy, str] = {NamedBy.CODE: "CODE", NamedBy.NAME: "NAME"}

_MEANT: Mapping[str, str] = {
    name: canonical
    for canonical, names in (
        ("dataElement", "element variable indicator dx"),
        ("period", "month quarter week year date reportingperiod"),
        ("orgUnit", "facility site clinic location school"),
        (
            "categoryOptionCombo",
            "co disagg disaggregation category categories categoryoption categoryoptions catoption catcombo options",
        ),
        (
            "attributeOptionCombo",
            "ao attribute attributes attributeoption attroption mechanism fundingmechanism partner funder donor",
        ),
        ("value", "val amount count figure number result"),
        ("comment", "remark remarks note notes"),
    )
    for name in names.split()
}
"""Words that people take for a field, and the field."""

_NO_CATEGORIES = {
    *("id", "uid", "uuid", "code", "name", "no", "nr", "number", "row", "rownumber", "index"),
    *("co", "disagg", "disaggregation", "category", "categories", "catoption", "categoryoption", "categoryoptions"),
    *("catcombo", "attribute", "attributes", "attributeoption", "attroption"),
}
"""Headings that no category has, in DHIS2's words or none."""

_MAY_BE_MEANT, _IS_MEANT = 0.6, 0.85
"""How like a name has to be to one of ours for us to say that it may be meant, and that it surely is no other name."""

_OF_HEADERS = ("completeDate", "dataValues", "attributeCategoryOptions", "idScheme", "dryRun", "importStrategy")
"""Names of header properties that are no fields of rows."""

UNREAD_COMPLETIONS = frozenset({"completedDate", "dataSetComplete"})
"""What files call a data set's completion, and DHIS2 reads nowhere."""

_REFERENCE = {"id", "uid", "code", "name", "displayname", "shortname", "href"}

_LONGEST = 200
"""Characters of a name that may be known: longer ones are not remembered, as a file may have any."""

SHOWN = 20
"""Names that have a finding each; the others share one."""


def plain(name: str) -> str:
    """Return a name in lower case, without what may stand between its words."""
    return re.sub(r"[\s_-]", "", name).lower()


def named(name: str) -> Naming | None:
    """Return what a name means, if anybody knows."""
    return _named(name) if len(name) <= _LONGEST else None


_named = lru_cache(maxsize=1024)(field_named)


@lru_cache(maxsize=1024)
def nearest(name: str, others: tuple[str, ...] = ()) -> str | None:
    """Return DHIS2's name of the field (or of one of `others`) that may be meant; None where nothing comes near."""
    short = plain(name)[:64]
    known = named(short)
    if known:
        return CANONICAL[known.field]
    if short in _MEANT:
        return _MEANT[short]
    alike = {**_ALIKE, **{other.lower(): other for other in others}}
    likeness, best = max((_likeness(short, name), field) for name, field in alike.items())
    return best if likeness >= _MAY_BE_MEANT else None


def _likeness(short: str, name: str) -> float:
    matcher = SequenceMatcher(None, short, name)
    return matcher.ratio() if matcher.real_quick_ratio() >= _MAY_BE_MEANT else 0.0


def is_no_category(name: str) -> bool:
    """Return whether the name of a column is surely no category's: a field's, nearly a field's, or a heading's."""
    return _is_no_category(plain(name)[:64])


@lru_cache(maxsize=1024)
def _is_no_category(short: str) -> bool:
    return (
        named(short) is not None
        or short in _NO_CATEGORIES
        or any(_likeness(short, name) >= _IS_MEANT for name in _ALIKE)
    )


def is_reference(categories: tuple[str, ...]) -> bool:
    """Return whether what should be categories are the members of a reference, as metadata have it: `{"id": "..."}`."""
    return any(plain(category) in _REFERENCE for category in categories)


def not_understood(name: str, *, rows: int | None = None, row: int | None = None) -> Finding:
    """Say that a field was skipped: of rows, or of the header where `rows` are not given."""
    message, expected = None, None
    known = named(name)
    if rows is None:
        meant = nearest(name, _OF_HEADERS)
        message = "a property of the header is not understood and was skipped"
    else:
        meant = nearest(name)
    if known and rows is not None and known.by is NamedBy.OTHERWISE:
        message = "a field is not read in this place and was skipped"
        expected = "the data set in the header, or said with --data-set" if meant == "dataSet" else "it on the group"
    elif known and rows is not None:
        message = f"a field was skipped, as another one gives the {meant}"
    elif meant:
        expected = f"{meant}, if that is what it holds"
    return finding("TP421", message=message, field=name, row=row, expected=expected, count=rows)


def taken(names: Mapping[str, str]) -> Finding:
    """Say which fields were read by other names than DHIS2's, given its name for each."""
    shown = [f"{name} as {field}" for name, field in islice(names.items(), SHOWN)]
    more = [f"and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
    return finding("TP422", culprits=[*shown, *more])


def other_scheme(name: str, scheme_of: Callable[[str], str]) -> Finding | None:
    """Say that a field's name says that it holds codes or names, where its identifiers are taken for others.

    `scheme_of` gives the scheme of a kind, by ADV2's name of it.
    """
    known = named(name)
    said = _SCHEMES.get(known.by) if known else None
    kind = SCHEMED.get(known.field) if known else None
    if not said or not kind or scheme_of(kind) == said:
        return None
    text = f"say --id-scheme {kind}={said} if the field holds {'codes' if said == 'CODE' else 'names'}"
    return finding("TP423", field=name, found=f"identifiers by {scheme_of(kind)}", expected=said, help=text)
