"""The default option combo, under which DHIS2 stores values that name none: there has to be one."""

from __future__ import annotations

from collections.abc import Iterable

from tallyport_schemas.finding import Finding, finding


def several_defaults(option_combos: Iterable[str]) -> list[Finding]:
    """Say that there are several default option combos, by their names; nothing where there is one, or none."""
    names = list(option_combos)
    if len(names) < 2:
        return []
    message = f"there are {len(names)} default option combos: a value stored under both counts twice in analytics"
    return [finding("TP734", message=message, culprits=names, expected="one")]
