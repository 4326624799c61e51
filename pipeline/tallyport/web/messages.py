"""Messages: what goes over the wire, as types. They check requests, and the OpenAPI document is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from tallyport_converters.model.file_header import canonical_scheme
from tallyport_schemas.finding import Finding

Format = Literal["dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx", "parquet", "arrow", "xlsx"]
_FORMATS = "dxf-json, dxf-csv, dxf-xml, dxf-pdf, adx, parquet, arrow or xlsx"
State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Kind = Literal["dry-run", "run", "convert", "validate"]
"""`convert` and `validate` are the jobs of the requests of that name, gone when they are answered."""

FINAL: frozenset[State] = frozenset({"done", "failed", "cancelled", "interrupted"})


def _one_scheme_a_kind(schemes: list[str]) -> list[str]:
    """Refuse schemes that are none, and two for one kind."""
    kinds: set[str] = set()
    for text in schemes:
        kind, _, scheme = text.rpartition("=")
        try:
            canonical_scheme(scheme)
        except ValueError:
            raise PydanticCustomError("finding", "unknown scheme", {"found": text}) from None
        if kind in kinds:
            raise PydanticCustomError("finding", "one kind has two schemes", {"found": text})
        kinds.add(kind)
    return schemes


Id = Annotated[str, Field(pattern=r"^[a-z2-7]{16}$", description="an id that the server made")]
FileName = Annotated[
    str,
    Field(
        pattern=r"^[^/\\\x00-\x1f\x7f]+$",
        min_length=1,
        max_length=200,
        description="a file name of 1 to 200 characters, without slashes",
    ),
]
Flag = Annotated[bool, Field(description="true or false")]
_Scheme = Annotated[str, Field(pattern=r"^((de|ou|ds|cc|c|co|coc|aoc)=)?[A-Za-z]+(:[A-Za-z][A-Za-z0-9]{10})?$")]
_SCHEMES = "UID, CODE, NAME or ATTRIBUTE:<uid> of the attribute, for all kinds or for one: ou=CODE"
Schemes = Annotated[list[_Scheme], Field(max_length=9, description=_SCHEMES), AfterValidator(_one_scheme_a_kind)]


class ConversionOptions(BaseModel, extra="forbid"):
    """How to convert."""

    data_set: str | None = Field(
        default=None, min_length=1, max_length=230, description="a data set, 1 to 230 characters"
    )
    keep_followup_false: Flag = False
    strict: Flag = False
    layout: Literal["split", "single"] = Field(default="split", description="split or single")
    compress: Literal["none", "gz", "zst"] = Field(default="none", description="none, gz or zst")


class JobOptions(ConversionOptions, strict=True):
    """How to convert, and how to write. Options that have no effect on the target are refused."""

    id_schemes: Schemes = []
    username: str | None = Field(
        default=None, min_length=1, max_length=230, description="a user name, 1 to 230 characters"
    )


class FileQuery(BaseModel, extra="forbid"):
    """The query of a request whose body is a file."""

    name: FileName


class ConvertQuery(ConversionOptions):
    """The query of a conversion; see JobOptions."""

    name: FileName
    format: Format | None = Field(default=None, description=_FORMATS)
    id_scheme: Schemes = []


class SourceRequest(BaseModel, extra="forbid", strict=True):
    """An uploaded file, and its format where that must not be detected from the content."""

    upload: Id
    format: Format | None = Field(default=None, description=_FORMATS)


class DryRunRequest(BaseModel, extra="forbid", strict=True):
    """Asks for a dry run."""

    sources: list[SourceRequest] = Field(min_length=1, max_length=500, description="1 to 500 files")
    target: str = Field(default="convert", min_length=1, max_length=100, description="the id of a target")
    options: JobOptions = JobOptions()


class RunRequest(BaseModel, extra="forbid", strict=True):
    """Asks for the run of a dry run, by its `plan`; `confirm`: the target's name, to remove values for good."""

    plan: str = Field(min_length=1, max_length=100, description="the plan of the dry run")
    confirm: str | None = Field(default=None, max_length=300, description="the name of the target")


EXPECTED: Mapping[str, str] = {
    name: field.description
    for request in (FileQuery, ConvertQuery, JobOptions, SourceRequest, DryRunRequest, RunRequest)
    for name, field in request.model_fields.items()
    if field.description
}
"""What a member of a request may be, in words."""


class Failure(BaseModel):
    """Why a request was refused: `errors` as everywhere, `error` the first of them."""

    error: Finding
    errors: list[Finding]


class Upload(BaseModel):
    """An uploaded file. `format` is null where none was detected: `finding` then says why."""

    id: str
    name: str
    bytes: int
    sha256: str
    format: str | None
    compression: str | None
    evidence: str | None
    finding: Finding | None = None


class TargetMessage(BaseModel):
    """Where values can go. `label` is what a person calls it; it never has a password."""

    id: str
    kind: str
    label: str
    options: list[str]


class ServerMessage(BaseModel):
    """What this server offers."""

    version: str
    limit_bytes: int
    languages: list[str]
    formats: list[str]
    targets: list[TargetMessage]


class JobSource(BaseModel):
    """A source of a job."""

    upload: str
    name: str
    bytes: int
    format: str | None = None


class Download(BaseModel):
    """A file of a job that can be downloaded; `bytes` is null where the file is made while it is sent."""

    what: str
    bytes: int | None


class Job(BaseModel):
    """A job. `summary` has its counts; `result` more of what was found, in the answer for one job only."""

    id: str
    kind: Kind
    state: State
    created: float
    sources: list[JobSource]
    target: TargetMessage
    options: JobOptions
    started: float | None = None
    ended: float | None = None
    of: str | None = None
    finding: Finding | None = None
    summary: dict[str, Any] | None = None
    plan: str | None = None
    confirm: str | None = None
    result: dict[str, Any] | None = None
    downloads: list[Download] | None = None


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[Job]


class Validation(BaseModel):
    """What `tallyport validate --json` prints."""

    files: list[dict[str, Any]]
