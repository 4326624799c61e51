"""Recorder: a job's stages and progress in the store while it runs, its counts and findings in files at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from tallyport.source_report import SourceReport
from tallyport.web.folders import FINDINGS, RESULT, JobContext
from tallyport.web.jobs.outlook import outlook
from tallyport.web.jobs.problems import Problems
from tallyport.web.store import Store
from tallyport_schemas.finding import Finding, Severity
from tallyport_schemas.progress import Progress, Waiting

FIRST_SHOWN = 200
"""Groups, chunks and changes that the result names; the files have all of them."""

_RECORD_EVERY_S = 0.2


class Recorder:
    """Records one job; use it in a `with`: what was counted so far is there whatever happens."""

    def __init__(self, store: Store, job: JobContext) -> None:
        self._store, self._job = store, job
        self.summary: dict[str, Any] = {
            "exit_code": 0,
            "values": dict.fromkeys(("read", "written", "superseded", "superseded_differing", "rejected"), 0),
            "groups": 0,
            "groups_failed": 0,
            "rows": {},
            "sources_failed": 0,
        }
        self.result: dict[str, Any] = {"sources": [], "groups": [], "problems": []}
        self._problems = Problems()
        self._findings_kept = 0
        self._findings = (job.folder / FINDINGS).open("w", encoding="utf-8")
        self._stage, self._since, self._recorded = "", 0.0, 0.0
        self._progress: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._findings.close()
        self.summary["problems"] = self._findings_kept
        self.summary["causes"] = self._problems.count
        self.summary |= outlook(self.summary, self._job.target_kind)
        self.settle()
        partial = self._job.folder / f"{RESULT}.partial"
        partial.write_text(json.dumps(self.result), encoding="utf-8")
        partial.replace(self._job.folder / RESULT)

    @property
    def has_something_to_do(self) -> bool:
        """Whether a run would do anything."""
        if self._job.target_kind == "convert":
            return bool(self.summary["groups_failed"] < max(self.summary["groups"], 1))
        return bool(outlook(self.summary, self._job.target_kind)["changes"])

    def settle(self) -> None:
        """Bring the problems into the result, as they are now."""
        self.result["problems"] = self._problems.worst_first()

    def stages(self, names: Sequence[str]) -> None:
        """Record what stages there will be."""
        self._store.add_event(self._job.id, "stages", {"stages": list(names)})

    def begin(self, stage: str) -> None:
        """Begin a stage, and record that: it may be long before there is any progress."""
        self._stage, self._since = stage, time.monotonic()
        self._progress = {"stage": stage, "source": "", "part": None, "values": 0}
        self._store.add_event(self._job.id, "progress", self._progress)
        self._recorded = time.monotonic() - _RECORD_EVERY_S

    def take(self, event: object) -> None:
        """Take an event that means the same for all targets; others have no meaning here."""
        if isinstance(event, Progress):
            self._progress_made(event)
        elif isinstance(event, Waiting):
            self._waiting(event)
        elif isinstance(event, SourceReport):
            self._source(event)
        elif isinstance(event, Finding):
            self.found(event)

    def _progress_made(self, event: Progress) -> None:
        """Record how far the stage is, if it is time to."""
        now = time.monotonic()
        if now - self._recorded < _RECORD_EVERY_S:
            return
        self._recorded = now
        elapsed = now - self._since
        part = event.done / event.total if event.total else 0.0
        self._progress = {
            "stage": self._stage,
            "source": self._job.names.label(event.source),
            "part": round(min(part, 1.0), 4) if event.total else None,
            "values": event.values,
            "per_second": round(event.values / elapsed) if elapsed > 0.5 else None,
            "remaining_s": round(elapsed / part * (1 - part), 1) if elapsed > 1 and part > 0.02 else None,
        }
        self._store.add_event(self._job.id, "progress", self._progress)

    def _waiting(self, event: Waiting) -> None:
        """Record that a server is away, and for how long it was waited for."""
        away = {} if event.is_over else {"waited_s": round(event.waited_s, 1), "wait_s": event.wait_s}
        self._store.add_event(self._job.id, "progress", {**self._progress, **away})

    def found(self, found: Finding) -> None:
        """Keep a finding."""
        self.keep(found.as_json())

    def keep(self, members: Mapping[str, Any]) -> None:
        """Keep a finding that is JSON already."""
        if members.get("source"):
            members = {**members, "source": self._job.names.label(members["source"])}
        if members["severity"] != Severity.INFO:
            self.ends_with(1)
        self._findings_kept += 1
        self._problems.add(members, members.get("count") or 1)
        self._findings.write(json.dumps(members) + "\n")

    def _source(self, report: SourceReport) -> None:
        """Take the outcome for the values of a legacy file: findings by cause, and the first rejected values."""
        for found in report.findings:
            self.found(found)
        for rejected in report.rejects:
            self._problems.place(rejected)

    def ends_with(self, exit_code: int) -> None:
        """Keep the highest exit code."""
        self.summary["exit_code"] = max(self.summary["exit_code"], exit_code)

    def group(self, file: str, de: str | None, valid: bool, rows: Mapping[str, int], **more: Any) -> None:
        """Keep the outcome of a group."""
        self.summary["groups"] += 1
        self.summary["groups_failed"] += not valid
        totals = self.summary["rows"]
        for change, count in rows.items():
            totals[change] = totals.get(change, 0) + count
        if not valid:
            self.ends_with(3)
        if len(self.result["groups"]) < FIRST_SHOWN:
            label = self._job.names.label(file)
            self.result["groups"].append({"file": label, "de": de, "valid": valid, "rows": dict(rows), **more})

    def chunk(self, rows: int, counts: Mapping[str, int], seconds: float) -> None:
        """Keep the outcome of a chunk that a server took; what it deleted by scope has no rows."""
        self.summary["chunks"] = self.summary.get("chunks", 0) + 1
        totals = self.summary["rows"]
        for name, count in counts.items():
            if name in totals:
                totals[name] += count
            else:
                self.summary[name] = self.summary.get(name, 0) + count
        chunks = self.result.setdefault("chunks", [])
        if len(chunks) < FIRST_SHOWN:
            chunks.append({"rows": rows, "counts": dict(counts), "seconds": round(seconds, 3)})

    def file(self, event: Any) -> None:
        """Take the end of a file, a FileResult or what has the same members."""
        if event.error:
            self.summary["sources_failed"] += 1
            self.ends_with(3)
            self.found(event.error)
