"""What goes over the wire, as types: they check requests, and the OpenAPI document is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tallyport_schemas.finding import Finding, Severity

Format = Literal["dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx"]
State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Kind = Literal["dry-run", "run", "convert", "validate"]
"""`convert` and `validate` are the jobs behind the requests of that name, gone when they are answered."""

Id = Annotated[str, Meta(pattern=r"^[a-z2-7]{16}$", description="Made by the server; says nothing.")]
FileName = Annotated[str, Meta(pattern=r"^[^/\\\x00-\x1f\x7f]+$", min_length=1, max_length=200)]
Scheme = Annotated[str, Meta(pattern=r"^((de|ou|ds|cc|c|co|coc|aoc)=)?[A-Za-z]+(:[A-Za-z][A-Za-z0-9]{10})?$")]
Text = Annotated[str, Meta(min_length=1, max_length=230)]

FINAL: frozenset[State] = frozenset({"done", "failed", "cancelled", "interrupted"})


class Options(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """How to convert, and how to write. What a target has no use for is refused."""

    data_set: Text | None = None
    id_schemes: Annotated[list[Scheme], Meta(max_length=9)] = []
    keep_followup_false: bool = False
    strict: bool = False
    layout: Literal["split", "single"] = "split"
    compress: Literal["none", "gz", "zst"] = "none"
    username: Text | None = None


class NameQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """The query of a request whose body is a file."""

    name: FileName


class ConvertQuery(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The query of a conversion; see Options."""

    name: FileName
    format: Format | None = None
    data_set: Text | None = None
    id_scheme: Annotated[list[Scheme], Meta(max_length=9)] = []
    keep_followup_false: bool = False
    strict: bool = False
    layout: Literal["split", "single"] = "split"
    compress: Literal["none", "gz", "zst"] = "none"


class SourceOf(Struct, forbid_unknown_fields=True, frozen=True):
    """A file that was uploaded, and its format where it is not to be told by content."""

    upload: Id
    format: Format | None = None


class DryRunRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Asks for a dry run."""

    sources: Annotated[list[SourceOf], Meta(min_length=1, max_length=500)]
    target: Annotated[str, Meta(min_length=1, max_length=100)] = "convert"
    options: Options = Options()


class RunRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Asks for the run of a dry run, by its `plan`; `confirm`: the target's name, to remove values for good."""

    plan: Annotated[str, Meta(min_length=1, max_length=100)]
    confirm: Annotated[str, Meta(max_length=300)] | None = None


class FindingMessage(Struct, omit_defaults=True):
    """A finding; see docs/findings.md."""

    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    help: str | None = None
    source: str | None = None
    row: int | None = None
    field: str | None = None
    found: str | None = None
    expected: str | None = None
    count: int | None = None
    line: int | None = None
    sheet_row: int | None = None
    keys: dict[str, str] | None = None
    groups: int | None = None


def finding_of(members: Mapping[str, Any]) -> Finding:
    """Return the finding that was JSON."""
    return Finding(**{**members, "severity": Severity(members["severity"])})


class Failure(Struct):
    """Why a request was not done: `errors` as everywhere, `error` the first of them."""

    error: FindingMessage
    errors: list[FindingMessage]


class Upload(Struct, omit_defaults=True):
    """A file that was uploaded. `format` is None where none can be told: `finding` then says why."""

    id: str
    name: str
    bytes: int
    sha256: str
    format: str | None
    compression: str | None
    evidence: str | None
    finding: FindingMessage | None = None


class TargetMessage(Struct):
    """Where values can go. `label` is what a person calls it; it never has a password."""

    id: str
    kind: str
    label: str
    options: list[str]


class Server(Struct):
    """What this server offers."""

    version: str
    limit_bytes: int
    languages: list[str]
    formats: list[str]
    targets: list[TargetMessage]


class JobSource(Struct, omit_defaults=True):
    """A source of a job."""

    upload: str
    name: str
    bytes: int
    format: str | None = None


class Download(Struct):
    """A file of a job that can be fetched; `bytes` is None where it is made on the way."""

    what: str
    bytes: int | None


class Job(Struct, omit_defaults=True):
    """A job. `summary` has its counts; `result` more of what was found, in the answer for one job only."""

    id: str
    kind: Kind
    state: State
    created: float
    sources: list[JobSource]
    target: TargetMessage
    options: Options
    started: float | None = None
    ended: float | None = None
    of: str | None = None
    finding: FindingMessage | None = None
    summary: dict[str, Any] | None = None
    plan: str | None = None
    confirm: str | None = None
    result: dict[str, Any] | UnsetType = UNSET
    downloads: list[Download] | UnsetType = UNSET


class Jobs(Struct):
    """Jobs, the youngest first."""

    jobs: list[Job]


class Validation(Struct):
    """What `tallyport validate --json` prints."""

    files: list[dict[str, Any]]
