"""Job queue: what is asked for becomes a job that waits in the store, or is refused."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tallyport.web.http.failures import failed
from tallyport.web.http.uploads import Uploads, new_id
from tallyport.web.jobs.processes import JobProcesses
from tallyport.web.jobs.targets import Target
from tallyport.web.messages import JobOptions, Kind, SourceRequest
from tallyport.web.store import Store

_WAITING_MOST = 200


class JobQueue:
    """Queues jobs, and removes them. `targets` are what this server was started with."""

    def __init__(self, store: Store, uploads: Uploads, jobs: JobProcesses, targets: Mapping[str, Target]) -> None:
        self._store, self._uploads, self._jobs, self._targets = store, uploads, jobs, targets

    def known_upload(self, id: str) -> dict[str, Any]:
        """Return an upload.

        Raises:
            Failed: TP914, there is none.
        """
        upload = self._store.upload(id)
        if upload is None:
            raise failed("TP914", found=id)
        return upload

    def target(self, id: str) -> Target:
        """Return a target.

        Raises:
            Failed: TP915, there is none.
        """
        if id not in self._targets:
            raise failed("TP915", field="target", found=id, expected=", ".join(self._targets))
        return self._targets[id]

    def add(self, kind: Kind, sources: Sequence[SourceRequest], target: str, options: JobOptions) -> str:
        """Queue a new job; returns its id."""
        chosen, given = self.target(target), options.model_dump(exclude_defaults=True)
        if useless := [name for name in given if name not in chosen.options]:
            raise failed("TP915", field=useless[0], message=f"the option {useless[0]} has no effect on this target")
        taken = [self._source(source) for source in sources]
        if twice := [id for id, count in Counter(source.upload for source in sources).items() if count > 1]:
            raise failed("TP915", field="sources", found=twice[0], message="a file is in the list twice")
        return self._add(kind, {"sources": taken, "options": given}, chosen, None)

    def repeat(self, job: Mapping[str, Any], kind: Kind, *, of: str | None, **more: Any) -> str:
        """Queue the job that a `kind` of the same bytes, options and target is; returns its id."""
        request = {name: job["request"][name] for name in ("sources", "options")}
        return self._add(kind, {**request, **more}, self._targets[job["target"]["id"]], of)

    def _source(self, source: SourceRequest) -> dict[str, Any]:
        upload = self.known_upload(source.upload)
        kept = {name: upload[name] for name in ("name", "bytes", "sha256")}
        is_adv2 = upload["format"] == "adv2" and source.format is None
        return {**source.model_dump(exclude_defaults=True), **kept, "is_adv2": is_adv2}

    def _add(self, kind: Kind, request: dict[str, Any], target: Target, of: str | None) -> str:
        if len(self._store.jobs("queued")) >= _WAITING_MOST:
            raise failed("TP926")
        id = new_id()
        # A plan is distinguished from others by the files' bytes and names, formats, options, target.
        sources = [[source["sha256"], source["name"], source.get("format")] for source in request["sources"]]
        text = json.dumps([sources, request["options"], target.fingerprint], sort_keys=True)
        plan = hashlib.sha256(text.encode()).hexdigest()
        self._store.add_job(id, kind, request, target.as_json(), target.fingerprint, plan, of)
        self._jobs.wake()
        return id

    def remove(self, job: Mapping[str, Any]) -> None:
        """Remove a job that has ended, what it left, and its files where no other job needs them."""
        self._jobs.remove(job["id"])
        for source in job["request"]["sources"]:
            self._uploads.discard(source["upload"])
