"""Worker: a job, in a process of its own. Reads what to do from the store, records its progress there.

`python -m tallyport.web.jobs.worker FOLDER JOB SECONDS`. It needs no server: one that stops, or is started again, finds
the outcome. What goes wrong, a crash aside, ends as a finding. SIGINT cancels: what is being written is taken back.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tallyport.validation.report import FileResult, GroupResult, ValidationDocument, findings_of
from tallyport.validation.validate import validation, walked
from tallyport.web.folders import REJECTS, TRAILS, VALIDATION, Folders, JobContext
from tallyport.web.jobs.completeness import Completeness
from tallyport.web.jobs.delivery import CATEGORIES, WRITERS
from tallyport.web.jobs.limits import TimeUp, lift, limit
from tallyport.web.jobs.names import named
from tallyport.web.jobs.recorder import Recorder
from tallyport.web.jobs.targets import cancelled
from tallyport.web.store import Store
from tallyport_converters.convert import Options, Outcome, conversion
from tallyport_schemas.finding import Finding, Unusable, finding
from tallyport_schemas.progress import Progress


class Work:
    """The steps of one job."""

    def __init__(self, job: JobContext, recorder: Recorder) -> None:
        self._job, self._recorder = job, recorder

    def run(self) -> None:
        """Do all of them."""
        job, recorder = self._job, self._recorder
        if job.kind == "validate":
            document = ValidationDocument()
            with (job.folder / VALIDATION).open("w", encoding="utf-8") as out:
                for event in validation([job.uploads[0]], None, name=job.names.names[0]):
                    out.writelines(document.parts(event))
                out.writelines(document.end())
            return
        if job.kind == "convert":
            recorder.stages(["convert"])
            self._convert()
            return
        writer = WRITERS.get(job.target_kind)
        second = {"database": "write", "profile": "send"}.get(job.target_kind, "check")
        recorder.stages(["convert", second, "map"])
        self._convert()
        files = list(walked([job.out])) if any(job.out.rglob("*.adv2.json*")) else []
        recorder.begin(second)
        if files and writer:
            writer(job, recorder)
        elif files:
            self._check(files)
        recorder.begin("map")
        completeness = Completeness()
        for progress in completeness.add(files):
            recorder.take(progress)
        recorder.result["completeness"] = completeness.map()
        recorder.summary["runnable"] = bool(files) and recorder.has_something_to_do
        recorder.summary["removes_for_good"] = completeness.removes_for_good
        recorder.settle()
        recorder.result["names"] = named(recorder.result, job.target_kind)

    def _convert(self) -> None:
        self._recorder.begin("convert")
        self._job.out.mkdir()
        given = dict(self._job.request["options"])
        given.pop("username", None)
        schemes = dict(_scheme(text) for text in given.pop("id_schemes", ()))
        categories = CATEGORIES.get(self._job.target_kind)
        for number, (source, path) in enumerate(zip(self._job.request["sources"], self._job.uploads, strict=True)):
            if source["is_adv2"]:
                (self._job.out / self._job.names.adv2(number)).symlink_to(path)
                self._recorder.result["sources"].append(
                    {"name": source["name"], "format": "adv2", "bytes": source["bytes"]}
                )
                continue
            form = source.get("format")
            how = Options(source_format=form, id_schemes=schemes, categories=categories, **given)
            folder, trails = self._job.names.folder(number), self._job.folder / TRAILS / str(number)
            name = source["name"]
            for event in conversion([path], self._job.out / folder, how, name=name, trails=trails):
                if isinstance(event, Outcome):
                    self._converted(event)
                self._recorder.take(event)

    def _converted(self, outcome: Outcome) -> None:
        self._recorder.ends_with(outcome.exit_code)
        self._job.conversions.append(outcome)
        source: dict[str, Any] = {"name": outcome.source}
        self._recorder.result["sources"].append(source)
        if outcome.error:
            self._recorder.summary["sources_failed"] += 1
            source["error"] = outcome.error.as_json()
            self._recorder.found(outcome.error)
            return
        assert outcome.manifest is not None
        assert outcome.folder is not None
        manifest = outcome.manifest
        source |= {
            "format": manifest["source"]["format"],
            "bytes": manifest["source"]["bytes"],
            "evidence": outcome.evidence,
            "values": manifest["values"],
            "dropped": manifest["dropped"],
            "groups": len(manifest["groups"]),
            "completions": manifest.get("completions", 0),
        }
        differing = manifest.get("superseded", {})
        if differing:
            source["superseded"] = differing["sample"]
        values = {**manifest["values"], "superseded_differing": differing.get("values", 0)}
        for name, count in values.items():
            self._recorder.summary["values"][name] += count
        if self._job.target_kind != "convert":
            return  # the target reports what became of all values of the source
        for found in outcome.findings:
            self._recorder.found(found)
        for members in rejects(outcome.folder):
            del members["original"]
            self._recorder.keep(members)

    def _check(self, files: Sequence[tuple[str, str]]) -> None:
        """Check the form of all that is ADV2 now."""
        sizes = {label: Path(path).stat().st_size for path, label in files}
        done, total = 0, sum(sizes.values())
        for event in validation([self._job.out], None):
            if isinstance(event, Progress):
                part = min(event.done, sizes[event.source])
                self._recorder.take(Progress(event.source, event.phase, done + part, total, event.values))
                continue
            for found in findings_of(event):
                self._recorder.found(found)
            if isinstance(event, GroupResult):
                rows = {"accepted": event.accepted, "ignored": event.ignored}
                self._recorder.group(event.file, event.de, event.valid, rows)
            elif isinstance(event, FileResult):
                self._recorder.file(event)
                done += sizes[event.file]


def rejects(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the rejected values of a converted source."""
    path = folder / REJECTS
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _scheme(text: str) -> tuple[str, str]:
    kind, _, scheme = text.rpartition("=")
    return kind, scheme


def perform(store: Store, folders: Folders, id: str) -> None:
    """Do a job and record in the store how it ended."""
    job = store.job(id)
    if job is None or not store.start_job(id):
        return
    state, error = "done", None
    context = JobContext(folders, job)
    with Recorder(store, context) as recorder:
        try:
            Work(context, recorder).run()
        except KeyboardInterrupt:
            state, error = "cancelled", cancelled(context.target_kind)
        except Exception as failure:
            state, error = "failed", _reason(failure)
            recorder.found(error)
    lift()
    store.end_job(id, state, finding=error.as_json() if error else None, summary=recorder.summary)


def _reason(failure: Exception) -> Finding:
    """Return the finding for what ended a job; a fault of ours stays one."""
    if isinstance(failure, TimeUp):
        return finding("TP921")
    if isinstance(failure, Unusable):
        return failure.finding
    if isinstance(failure, OSError):
        return finding("TP801", found=failure.strerror or str(failure))
    if isinstance(failure, MemoryError):
        return finding("TP802")
    raise failure


def main() -> None:
    """Do the job that the process's arguments name."""
    folder, id, seconds = sys.argv[1:]
    limit(float(seconds))
    perform(Store(Path(folder)), Folders(Path(folder)), id)


if __name__ == "__main__":
    main()
