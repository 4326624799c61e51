"""MCP: what programs that speak the Model Context Protocol can have done by tallyport, over standard input and output.

A tool that changes something at a server or on disk says so, and refuses unless writing was allowed at start. Answers
are bounded: lists are cut at `limit`, and say how many there are.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial, wraps
from inspect import cleandoc
from typing import Any

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from tallyport.analysis.look.show import show as show_file
from tallyport.analysis.look.view import FileView
from tallyport.analysis.look.wanted import ROWS
from tallyport.analysis.statistics.report import Statistics
from tallyport.analysis.statistics.stats import stats as count_files
from tallyport.dhis2.api.models import IssueSeverity, JobReference, JobReport, Notification, OptionCombosReport
from tallyport.dhis2.api.profiles import Profile
from tallyport.dhis2.api.server_jobs import JOB_TIMEOUT_S, checked
from tallyport.dhis2.client import open_client
from tallyport.dhis2.maintenance.maintenance import MATRIX_TIMEOUT_S
from tallyport.tables.report import TableReport
from tallyport.tables.write_table import write_table
from tallyport.validation.report import ValidationDocument
from tallyport.validation.validate import load_snapshot, validation
from tallyport_converters.convert import Report
from tallyport_converters.convert import convert as convert_files
from tallyport_schemas import __version__
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Finding, Refused, Unusable, finding
from tallyport_schemas.finding_codes import CODES

LIMIT = 100
"""Entries of a list that a tool answers with, unless asked for more."""

Tool = Callable[..., Awaitable[Document]]


@dataclass(frozen=True, slots=True)
class ToolNote:
    """What a tool is called, whether it changes something, what it does, and whether it may also remove something."""

    name: str
    writes: bool
    text: str
    replaces: bool

    def as_json(self) -> Document:
        """Return it as JSON has it."""
        return {"name": self.name, "writes": self.writes, "text": self.text}


def mcp_server(profile: Callable[[], Profile], *, allow_writes: bool = False) -> MCPServer[Any]:
    """Return a server of all tools; `.run()` serves it on standard input and output until that ends.

    `profile` is called for each use of a tool that asks a DHIS2 server; a ValueError of it becomes the tool's error.
    """
    server: MCPServer[Any] = MCPServer(
        "tallyport",
        version=__version__,
        instructions="Moves DHIS2 aggregate data and looks after a DHIS2 server. Problems are findings with codes: "
        "the tool `explain` says what one means.",
        log_level="WARNING",
    )
    tools = Tools(profile, allow_writes=allow_writes)
    for note in TOOLS:
        tool = getattr(tools, note.name)
        text = f"{'WRITES' if note.writes else 'Reads only'}: {cleandoc(tool.__doc__)}"
        text += " Needs --allow-writes at start." if note.writes else ""
        annotations = ToolAnnotations(
            read_only_hint=not note.writes, destructive_hint=note.replaces, idempotent_hint=True
        )
        server.add_tool(tool, name=note.name, description=text, annotations=annotations)
    return server


def _tool(*, writes: bool = False, replaces: bool = False) -> Callable[[Tool], Tool]:
    """Make a method of `Tools` a tool; what goes wrong is reported as a finding."""

    def decorate(method: Tool) -> Tool:
        @wraps(method)
        async def tool(self: Tools, *arguments: Any, **named: Any) -> Document:
            try:
                if writes and not self.allow_writes:
                    raise Refused(finding("TP880", source=method.__name__))
                return await method(self, *arguments, **named)
            except Unusable as error:
                raise ToolError(json.dumps(error.finding.as_json())) from None
            except ValueError as error:
                raise ToolError(json.dumps(finding("TP900", message=str(error)).as_json())) from None

        first = (method.__doc__ or "").strip().partition("\n")[0]
        TOOLS.append(ToolNote(method.__name__, writes, first, replaces))
        return tool

    return decorate


TOOLS: list[ToolNote] = []
"""All tools, those that only read first."""


class Tools:
    """The tools; each answers with one JSON object."""

    def __init__(self, profile: Callable[[], Profile], *, allow_writes: bool) -> None:
        self._profile, self.allow_writes = profile, allow_writes

    # --- That read ---------------------------------------------------------------------------------------------------

    @_tool()
    async def server_info(self) -> Document:
        """Which DHIS2 server this is, its version, and whose credentials are used."""
        async with open_client(self._profile()) as client:
            return (await client.report()).as_json()

    @_tool()
    async def integrity_list_checks(
        self, section: str | None = None, severity: IssueSeverity | None = None
    ) -> Document:
        """The server's checks of data integrity; of a section, of a severity and stronger ones."""
        async with open_client(self._profile()) as client:
            found = await client.maintenance.select_checks(section=section, severity=severity)
            return {"checks": [check.as_row() for check in found], "findings": []}

    @_tool()
    async def integrity_report(
        self,
        checks: list[str] | None = None,
        section: str | None = None,
        severity: IssueSeverity | None = None,
        details: bool = False,
    ) -> Document:
        """How many issues each check found in the last run. `details`: by the last run with details."""
        async with open_client(self._profile()) as client:
            report = await client.maintenance.get_integrity_report(
                checks, section=section, severity=severity, details=details
            )
        return report.as_json(issues=False)

    @_tool()
    async def integrity_issues(
        self,
        checks: list[str] | None = None,
        section: str | None = None,
        severity: IssueSeverity | None = None,
        limit: int = LIMIT,
    ) -> Document:
        """The issues of the last run with details, the first `limit` of them; `complete` if these are all."""
        issues: list[Document] = []
        findings: list[Finding] = []
        async with open_client(self._profile()) as client:
            found = client.maintenance.iter_integrity_issues(
                checks, section=section, severity=severity, tell=findings.append
            )
            async with aclosing(found) as rows:
                async for row in rows:
                    if len(issues) >= limit:
                        return {"issues": issues, "complete": False, "findings": _json(findings)}
                    issues.append(row.as_json())
        return {"issues": issues, "complete": True, "findings": _json(findings)}

    @_tool()
    async def task_notifications(self, job_type: str, job_id: str, limit: int = LIMIT) -> Document:
        """What a job of the server said so far, the newest `limit` entries, and the outcome if it ended."""
        if not (job_type.replace("_", "").isalnum() and job_id.isalnum()):
            raise ValueError("a job has a type such as ANALYTICS_TABLE and an identifier")
        job = JobReference(id=job_id, job_type=job_type)
        async with open_client(self._profile()) as client:
            said = await client.tasks.notifications(job)
            summary = await client.tasks.summary(job)
        shown = said[-limit:] if limit > 0 else []
        return {
            "completed": bool(said and said[-1].completed),
            "notifications": [one.as_json() for one in shown],
            "summary": summary,
        }

    @_tool()
    async def incomplete_category_combos(self) -> Document:
        """Category combos that lack category option combos."""
        async with open_client(self._profile()) as client:
            found = await client.maintenance.incomplete_category_combos()
        return {"category_combos": [state.as_json() for state in found]}

    @_tool()
    async def validate(
        self, paths: list[str], metadata: str | None = None, header_only: bool = False, limit: int = LIMIT
    ) -> Document:
        """Whether ADV2 files can be imported: counts by group, the first `limit` findings, and how many there are.

        `metadata`: a snapshot, or a metadata export of DHIS2.
        """
        _refuse_stdin(paths)
        return await anyio.to_thread.run_sync(partial(_validated, paths, metadata, header_only, limit))

    @_tool()
    async def show(
        self,
        path: str,
        metadata: str | None = None,
        rows: int = ROWS,
        row: str | None = None,
        where: list[str] | None = None,
    ) -> Document:
        """What is in a file, ADV2 or legacy, or in a folder: its header, what its fields are taken for, some rows.

        `where`: conditions such as `ou=ouClinicA01,ouClinicB01`, which all have to hold. `row`: one row by its number,
        from 0. `metadata`: a snapshot, or a metadata export of DHIS2; rows have names then.
        """
        _refuse_stdin([path])
        work = partial(show_file, path, metadata=metadata, rows=rows, row=row, where=where or ())
        view: FileView = await anyio.to_thread.run_sync(work)
        return view.as_json()

    @_tool()
    async def stats(self, files: list[str], metadata: str | None = None, limit: int = LIMIT) -> Document:
        """What is in files, counted: by data element, period, org unit and option combo, gaps, duplicates, ranges.

        `files`: ADV2 or legacy, or folders of them. `metadata`: a snapshot, or a metadata export of DHIS2. The first
        `limit` files, data elements and findings, and how many there are.
        """
        _refuse_stdin(files)
        report: Statistics = await anyio.to_thread.run_sync(partial(count_files, files, metadata=metadata))
        document = report.as_json()
        for name in ("files", "data_elements", "findings"):
            entries = document[name]
            assert isinstance(entries, list)
            document |= {name: entries[:limit], f"{name.removesuffix('s')}_count": len(entries)}
        return document

    @_tool()
    async def explain(self, code: str) -> Document:
        """What a finding means, by its code, and what to do about it."""
        if code.upper() not in CODES:
            raise ValueError(f"{code} is not the code of a finding")
        return CODES[code.upper()].as_json()

    # --- That write --------------------------------------------------------------------------------------------------

    @_tool(writes=True, replaces=True)  # with `overwrite`
    async def convert(
        self,
        sources: list[str],
        output: str,
        source_format: str | None = None,
        id_schemes: dict[str, str] | None = None,
        data_set: str | None = None,
        strict: bool = False,
        overwrite: bool = False,
    ) -> Document:
        """Rewrite legacy files (DXF2 JSON, CSV, XML, PDF, ADX) into ADV2, a folder in `output` for each source.

        `id_schemes` maps a kind (de ou ds cc c co coc aoc, or "" for all) to UID, CODE, NAME or ATTRIBUTE:<uid>.
        """
        _refuse_stdin(sources)
        work = partial(
            convert_files,
            sources,
            output,
            source_format=source_format,
            id_schemes=id_schemes,
            data_set=data_set,
            strict=strict,
            overwrite=overwrite,
        )
        report: Report = await anyio.to_thread.run_sync(work)
        return report.as_json()

    @_tool(writes=True, replaces=True)  # with `overwrite`
    async def table(
        self,
        sources: list[str],
        output: str,
        metadata: str | None = None,
        wide: str | None = None,
        partition: str | None = None,
        overwrite: bool = False,
        limit: int = LIMIT,
    ) -> Document:
        """Write values of ADV2 or legacy files as a table: .parquet, .arrow, .csv, .xlsx or .duckdb.

        `metadata`: a snapshot, or a metadata export of DHIS2, adds names. `wide`: `period` or `data-element`, what gets
        a column each. `partition`: `data-element` or `year` makes `output` a folder of Parquet files. The first `limit`
        files and columns.
        """
        _refuse_stdin(sources)
        work = partial(
            write_table, sources, output, metadata=metadata, wide=wide, partition=partition, overwrite=overwrite
        )
        report: TableReport = await anyio.to_thread.run_sync(work)
        first = {"files": [file.as_json() for file in report.files[:limit]], "columns": report.columns[:limit]}
        return report.as_json() | first

    @_tool(writes=True)
    async def integrity_run(
        self,
        checks: list[str] | None = None,
        section: str | None = None,
        severity: IssueSeverity | None = None,
        details: bool = False,
        watch: bool = True,
        timeout_s: float = JOB_TIMEOUT_S,
    ) -> Document:
        """Run checks of data integrity at the server, by default all that are not slow; `watch` waits for the end."""
        async with open_client(self._profile()) as client:
            said: list[Notification] = []
            job = await client.maintenance.run_integrity(
                checks,
                section=section,
                severity=severity,
                details=details,
                wait=watch,
                timeout_s=timeout_s,
                watch=said.append,
            )
        return JobReport(job, said[-LIMIT:]).as_json()

    @_tool(writes=True)
    async def maintenance_refresh_analytics(
        self,
        context: Context,
        watch: bool = False,
        last_years: int | None = None,
        skip: list[str] | None = None,
        timeout_s: float = JOB_TIMEOUT_S,
    ) -> Document:
        """Start to rebuild the server's analytics tables; `watch` follows the job to its end, with progress."""
        said: list[Notification] = []
        count = 0
        async with open_client(self._profile()) as client:
            job = await client.maintenance.refresh_analytics(last_years=last_years, skip=skip or ())
            if watch:
                async for one in client.tasks.iter_notifications(job, timeout_s=timeout_s):
                    said = [*said[1 - LIMIT :], one]
                    count += 1
                    await context.report_progress(count, message=one.message)
                checked(job, said[-1])
        return JobReport(job, said).as_json()

    @_tool(writes=True, replaces=True)  # option combos that are obsolete
    async def maintenance_update_category_option_combos(
        self, combo: str | None = None, watch: bool = True, timeout_s: float = MATRIX_TIMEOUT_S
    ) -> Document:
        """Make missing category option combos and remove obsolete ones: of all category combos, or of one.

        `watch` waits until none is missing; those that stay incomplete are findings.
        """
        async with open_client(self._profile()) as client:
            message = await client.maintenance.update_category_option_combos(combo)
            missing = None
            if watch:
                missing = await client.maintenance.incomplete_category_combos(combo, timeout_s=timeout_s)
        return OptionCombosReport(message.message, missing).as_json()


def _validated(paths: Sequence[str], metadata: str | None, header_only: bool, limit: int) -> Document:
    """Validate, holding `limit` findings."""
    snapshot = load_snapshot(metadata)
    document = ValidationDocument(snapshot.findings if snapshot else (), limit=limit)
    parts = [part for event in validation(paths, snapshot, header_only=header_only) for part in document.parts(event)]
    return {**json.loads("".join([*parts, *document.end()])), "finding_count": document.found}


def _refuse_stdin(paths: Sequence[str]) -> None:
    if "-" in paths:
        raise ValueError("standard input belongs to the protocol: name files")


def _json(findings: Sequence[Finding]) -> list[dict[str, str | int]]:
    return [found.as_json() for found in findings]
