"""Completions: data sets that a file reports complete, in the shape of DHIS2's completeDataSetRegistrations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tallyport_converters.model import periods
from tallyport_converters.model.combos import ComboForm
from tallyport_converters.model.file_header import Completion
from tallyport_schemas.finding import Finding, finding

_OPTIONS_LEFT_OUT = "the completion's attribute options have no place there and were skipped"


@dataclass(frozen=True, slots=True)
class Registrations:
    """Completions that can be stated, each once, what is to be reported of others, and how many were skipped."""

    stated: Sequence[dict[str, Any]]
    findings: Sequence[Finding]
    left_out: int


def registrations(completions: Sequence[Completion], data_set: str | None) -> Registrations:
    """Turn completions into registrations; `data_set` is used where one names none."""
    stated: dict[tuple[str | None, ...], dict[str, Any]] = {}
    missing: Counter[str] = Counter()
    without_options = 0
    for completion in completions:
        if completion.date.lower() == "false":
            continue
        period = periods.parse(completion.period) if completion.period else None
        parts = {
            "data set": completion.data_set or data_set,
            "period": period.iso if period else None,
            "organisation unit": completion.org_unit,
        }
        lacking = [name for name, part in parts.items() if not part]
        if lacking:
            missing[f"no {', no '.join(lacking)}"] += 1
            continue
        combo = completion.attribute_option_combo
        without_options += combo.shape.form not in (ComboForm.NONE, ComboForm.IDENTIFIER)
        identifier = combo.options[0] if combo.shape.form is ComboForm.IDENTIFIER else None
        date = None if completion.date.lower() == "true" else _day(completion.date)
        registration = {
            "dataSet": parts["data set"],
            "period": parts["period"],
            "organisationUnit": parts["organisation unit"],
            "attributeOptionCombo": identifier,
            "date": date,
        }
        said = {name: value for name, value in registration.items() if value is not None}
        stated[tuple(registration.values())] = said | {"completed": True}
    findings = [
        finding("TP413", field="completeDate", found=found, count=count if count > 1 else None)
        for found, count in sorted(missing.items())
    ]
    if without_options:
        count = without_options if without_options > 1 else None
        findings.append(finding("TP413", message=_OPTIONS_LEFT_OUT, field="completeDate", count=count))
    return Registrations(list(stated.values()), findings, sum(missing.values()))


def _day(text: str) -> str:
    """Return the date of a date with time; any other text as it is.

    >>> _day("2025-04-02T00:00:00.000+0000"), _day("20250402")
    ('2025-04-02', '20250402')
    """
    is_date = len(text) >= 10 and text[4] == text[7] == "-" and (text[:4] + text[5:7] + text[8:10]).isdecimal()
    return text[:10] if is_date else text
