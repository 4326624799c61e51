"""Answers: what DHIS2 sends, typed. Fields that are not known here are kept, in `model_extra`.

The shapes are those of 2.41 to 2.43; what only some of them send may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, finding, shown

_Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: value or ())]
_Numbers = Annotated[tuple[int, ...], BeforeValidator(lambda value: value or ())]


class Answer(BaseModel):
    """What all answers share: names in Python's manner for DHIS2's own, unknown fields kept, read-only."""

    model_config = ConfigDict(
        extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True
    )

    def as_json(self) -> Document:
        """Return it as DHIS2 sent it, but for what was null or missing."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class SystemInfo(Answer):
    """`/api/system/info`. Dates are the server's own, without a zone."""

    version: str
    revision: str | None = None
    build_time: str | None = None
    context_path: str | None = None
    calendar: str | None = None
    server_date: str | None = None
    server_time_zone_id: str | None = None
    last_analytics_table_success: str | None = None
    system_id: str | None = None
    system_name: str | None = None


class Me(Answer):
    """`/api/me`: whose credentials these are."""

    id: str
    username: str | None = None
    authorities: _Texts = ()


class JobReference(Answer):
    """A job that a request started; `created` is the server's time."""

    id: str
    job_type: str
    created: str | None = None
    name: str | None = None
    job_status: str | None = None


class Notification(Answer):
    """What a job said. The last one of a job is `completed`; level ERROR then says that it failed."""

    uid: str | None = None
    level: str = "INFO"
    category: str | None = None
    time: str | None = None
    message: str | None = None
    completed: bool = False


@dataclass(slots=True)
class JobReport:
    """A job that was started, and what it has said so far."""

    job: JobReference
    said: list[Notification] = dataclass_field(default_factory=list)

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        document: Document = {"job": self.job.as_json(), "completed": bool(self.said and self.said[-1].completed)}
        if self.said:
            document |= {"message": self.said[-1].message, "notifications": [one.as_json() for one in self.said]}
        return document


class IssueSeverity(StrEnum):
    """How bad an issue of data integrity is."""

    INFO = "INFO"
    WARNING = "WARNING"
    SEVERE = "SEVERE"
    CRITICAL = "CRITICAL"


_Severity = Annotated[IssueSeverity | str, Field(union_mode="left_to_right")]
"""A later release may have others."""


def weight(severity: str | None) -> int:
    """Return how much a severity weighs; one that is not known weighs most, so that no filter hides it.

    >>> weight("WARNING") < weight("SEVERE") < weight("of a later release")
    True
    """
    known = list(IssueSeverity)
    return known.index(IssueSeverity(severity)) if severity in known else len(known)


class IntegrityCheck(Answer):
    """A check of data integrity. `average_execution_time` in milliseconds."""

    name: str
    display_name: str | None = None
    section: str | None = None
    section_order: int | None = None
    severity: _Severity | None = None
    code: str | None = None
    description: str | None = None
    introduction: str | None = None
    recommendation: str | None = None
    issues_id_type: str | None = None
    is_slow: bool = False
    is_programmatic: bool = False
    average_execution_time: int | None = None

    def as_row(self) -> Document:
        """Return it as a list of checks or results has it, where `name` would be that of an issue."""
        members = self.as_json()
        return {"check": members.pop("name"), **members}


class IntegrityIssue(Answer):
    """One object that a check found fault with."""

    id: str | None = None
    name: str | None = None
    comment: str | None = None
    refs: _Texts = ()


class IntegrityResult(IntegrityCheck):
    """A check's result. `count` is None where details hold none, -1 where the check crashed: then `error` says why.

    Times are the server's own. A summary has no `issues`.
    """

    start_time: str | None = None
    finished_time: str | None = None
    error: str | None = None
    count: int | None = None
    percentage: float | None = None
    issues: tuple[IntegrityIssue, ...] | None = None

    @property
    def has_crashed(self) -> bool:
        """Whether the check itself failed, so that nothing is known."""
        return bool(self.error) or self.count == -1

    @property
    def issue_count(self) -> int:
        """How many issues there are: counted where the details give no number."""
        if self.has_crashed:
            return 0
        return self.count if self.count is not None else len(self.issues or ())

    def as_row(self) -> Document:
        """Return it with the number of its issues, None where the check crashed."""
        return super().as_row() | {"count": None if self.has_crashed else self.issue_count}


class IntegrityReport(Answer):
    """Results by the name of the check. `missing` are the checks asked for that the server has no result of.

    `details`: whether results of a run with details were asked for.
    """

    results: Mapping[str, IntegrityResult]
    missing: tuple[str, ...] = ()
    details: bool = False

    @property
    def issue_count(self) -> int:
        """Issues of all checks."""
        return sum(result.issue_count for result in self.results.values())

    def worst_first(self) -> list[IntegrityResult]:
        """Return the results, those with most weight first."""
        return sorted(self.results.values(), key=lambda r: (-weight(r.severity), -r.issue_count, r.name))

    def as_json(self, *, issues: bool = True) -> Document:
        """Return it as `json/integrity.schema.json` describes it; without `issues`, their number alone."""
        rows = [result.as_row() for result in self.worst_first()]
        for row in rows if not issues else ():
            row.pop("issues", None)
        findings = [found.as_json() for found in self.gaps()]
        return {"checks": rows, "issueCount": self.issue_count, "findings": findings}

    def gaps(self) -> list[Finding]:
        """Return what is not known: checks that crashed (TP863), checks without a result (TP864)."""
        found = [crashed(name, result.error) for name, result in self.results.items() if result.has_crashed]
        return found + ([not_run(self.missing, details=self.details)] if self.missing else [])


def crashed(check: str, error: str | None) -> Finding:
    """Return the finding for a check that failed itself."""
    return finding("TP863", source=check, found=shown(error or "no reason"))


def not_run(checks: Sequence[str], *, details: bool) -> Finding:
    """Return the finding for checks that the server has no result of, or none with `details`."""
    found = finding("TP864", found=shown(", ".join(checks)))
    advice = "run them first with tallyport integrity run --details: the server keeps results for an hour"
    return replace(found, help=advice) if details else found


class ImportCount(Answer):
    """Values by what became of them. 2.43 does not distinguish created from updated ones: all are `updated`."""

    imported: int = 0
    updated: int = 0
    ignored: int = 0
    deleted: int = 0


class Conflict(Answer):
    """Why values were refused. `indexes` are places in what was sent; -1 stands for the whole request.

    2.42 names the culprit in `object` and its kind in `property` and `objects`; 2.43 has `objects["args"]` alone.
    """

    object: str | None = None
    objects: Mapping[str, Any] = Field(default_factory=dict)
    value: str | None = None
    error_code: str | None = None
    kind: str | None = Field(default=None, alias="property")
    indexes: _Numbers = ()

    @property
    def culprit(self) -> str | None:
        """What it is about, in either form."""
        return self.object or ", ".join(str(text) for text in self.objects.values()) or None


class ImportSummary(Answer):
    """What became of an import."""

    status: str = "ERROR"
    description: str | None = None
    import_count: ImportCount = Field(default_factory=ImportCount)
    conflicts: Annotated[tuple[Conflict, ...], BeforeValidator(lambda value: value or ())] = ()
    rejected_indexes: _Numbers = ()
    data_set_complete: str | None = None


class WebMessage(Answer):
    """The envelope of DHIS2's answers to requests that do something."""

    http_status: str | None = None
    http_status_code: int | None = None
    status: str | None = None
    message: str | None = None
    error_code: str | None = None
    dev_message: str | None = None
    response: dict[str, Any] | None = None


class CategoryComboMatrix(Answer):
    """How many option combos a category combo has of those that its options make."""

    id: str
    name: str | None = None
    expected: int
    present: int

    @property
    def is_complete(self) -> bool:
        """Whether none is missing."""
        return self.present >= self.expected

    def as_finding(self) -> Finding:
        """Return the finding (TP865) for one that is not complete."""
        return finding(
            "TP865",
            source=shown(f"category combo {self.name or self.id}"),
            found=f"{self.present:,} option combos",
            expected=f"{self.expected:,}",
        )


@dataclass(frozen=True, slots=True)
class OptionCombosReport:
    """What the server says of making option combos, and the category combos that still lack some; None: unknown."""

    message: str | None
    missing: Sequence[CategoryComboMatrix] | None = None

    @property
    def findings(self) -> list[Finding]:
        """A finding (TP865) for each that lacks some."""
        return [state.as_finding() for state in self.missing or ()]

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        document: Document = {} if self.message is None else {"message": self.message}
        document |= {} if self.missing is None else {"complete": not self.missing}
        return document | {"findings": [found.as_json() for found in self.findings]}


def matrix(combo: Mapping[str, Any]) -> CategoryComboMatrix:
    """Return the state of a category combo's matrix; option combos of options it does not have do not count."""
    places: Sequence[frozenset[str]] = [
        frozenset(option["id"] for option in category.get("categoryOptions", ()))
        for category in combo.get("categories", ())
    ]
    expected = 1
    for options in places:
        expected *= len(options)
    made = {
        frozenset(option["id"] for option in coc.get("categoryOptions", ()))
        for coc in combo.get("categoryOptionCombos", ())
    }
    # Each category has one of the options. Categories that share some would need a matching: DHIS2 forbids them.
    present = sum(len(of) == len(places) and all(of & place for place in places) for of in made)
    return CategoryComboMatrix(id=combo["id"], name=combo.get("name"), expected=expected, present=present)
