"""Store: sessions, uploads, jobs and their events, in one SQLite file that server and jobs write to side by side.

All state is here: a server that is restarted knows what the one before it knew. Calls take well under a millisecond.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

NAME = "store.sqlite"

_TABLES = """
create table if not exists session (hash text primary key, created real not null) strict;
create table if not exists upload (
  id text primary key, name text not null, bytes integer not null, sha256 text not null,
  told text not null, created real not null
) strict;
create table if not exists job (
  number integer primary key autoincrement, id text not null unique, kind text not null, state text not null,
  request text not null, target text not null, fingerprint text not null, plan text not null, of text,
  created real not null, started real, ended real, finding text, summary text
) strict;
create table if not exists event (
  number integer primary key autoincrement, job text not null references job (id) on delete cascade,
  kind text not null, data text not null
) strict;
create index if not exists event_of_job on event (job, number);
"""

SESSION_S = 7 * 24 * 3600.0
"""How long a browser is known."""


class Store:
    """The store in `folder`; made where there is none. A connection is opened for each call: threads may share this."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        with self._connected() as database:
            database.execute("pragma journal_mode = wal")
            database.executescript(_TABLES)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as database:
            database.row_factory = sqlite3.Row
            database.execute("pragma foreign_keys = on")
            database.execute("pragma synchronous = normal")
            yield database

    def _run(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with self._connected() as database:
            return [dict(row) for row in database.execute(statement, parameters)]

    # --- Sessions ----------------------------------------------------------------------------------------------------

    def add_session(self, digest: str) -> None:
        """Keep a session by the digest of its secret; drop those that are too old."""
        self._run("delete from session where created < ?", time.time() - SESSION_S)
        self._run("insert or ignore into session values (?, ?)", digest, time.time())

    def has_session(self, digest: str) -> bool:
        """Whether a session is known."""
        return bool(self._run("select 1 from session where hash = ? and created >= ?", digest, time.time() - SESSION_S))

    # --- Uploads -----------------------------------------------------------------------------------------------------

    def add_upload(self, id: str, name: str, size_bytes: int, sha256: str, detected: Mapping[str, Any]) -> None:
        """Keep an upload that is whole on the disk; `detected` is what its content says that it is."""
        upload = (id, name, size_bytes, sha256, json.dumps(detected), time.time())
        self._run("insert into upload values (?, ?, ?, ?, ?, ?)", *upload)

    def upload(self, id: str) -> dict[str, Any] | None:
        """Return an upload: id, name, bytes, sha256, and what its content says that it is."""
        rows = self._run("select id, name, bytes, sha256, told from upload where id = ?", id)
        return {**rows[0], **json.loads(rows[0].pop("told"))} if rows else None

    def remove_upload(self, id: str) -> bool:
        """Forget an upload unless a job needs it; returns whether it is gone."""
        return bool(self._remove_uploads("id = ?", id))

    def remove_idle_uploads(self, older_than_s: float) -> Sequence[str]:
        """Forget uploads that no job needs, and that have been there for longer; returns them."""
        return self._remove_uploads("created < ?", time.time() - older_than_s)

    def _remove_uploads(self, which: str, parameter: Any) -> Sequence[str]:
        needed = "select 1 from job, json_each(job.request, '$.sources') s where s.value ->> 'upload' = upload.id"
        rows = self._run(f"delete from upload where {which} and not exists ({needed}) returning id", parameter)
        return [row["id"] for row in rows]

    # --- Jobs --------------------------------------------------------------------------------------------------------

    def add_job(
        self,
        id: str,
        kind: str,
        request: Mapping[str, Any],
        target: Mapping[str, Any],
        fingerprint: str,
        plan: str,
        of: str | None = None,
    ) -> None:
        """Queue a job."""
        self._run(
            "insert into job (id, kind, state, request, target, fingerprint, plan, of, created)"
            " values (?, ?, 'queued', ?, ?, ?, ?, ?, ?)",
            *(id, kind, json.dumps(request), json.dumps(target), fingerprint, plan, of, time.time()),
        )

    def job(self, id: str) -> dict[str, Any] | None:
        """Return a job."""
        rows = self._run("select * from job where id = ?", id)
        return _job(rows[0]) if rows else None

    def jobs(self, *states: str, limit: int = -1) -> Sequence[dict[str, Any]]:
        """Return jobs in these states (all, if none is given), the newest first."""
        rows = self._run(
            "select * from job where ? or state in (select value from json_each(?)) order by number desc limit ?",
            *(not states, json.dumps(states), limit),
        )
        return [_job(row) for row in rows]

    def start_job(self, id: str) -> bool:
        """Record that a queued job runs; returns False where it is no longer queued."""
        return bool(
            self._run(
                "update job set state = 'running', started = ? where id = ? and state = 'queued' returning id",
                *(time.time(), id),
            )
        )

    def end_job(
        self,
        id: str,
        state: str,
        *,
        finding: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record how a job ended, for those who listen as well; does nothing where it has ended before."""
        with self._connected() as database:
            database.execute("begin immediate")
            changed = database.execute(
                "update job set state = ?, ended = ?, finding = ?, summary = ?"
                " where id = ? and state in ('queued', 'running')",
                (state, time.time(), json.dumps(finding), json.dumps(summary), id),
            ).rowcount
            if changed:
                database.execute("delete from event where job = ? and kind = 'progress'", (id,))
                database.execute(
                    "insert into event (job, kind, data) values (?, 'end', ?)", (id, json.dumps({"state": state}))
                )
            database.execute("commit")
        return bool(changed)

    def remove_job(self, id: str) -> None:
        """Forget a job and its events."""
        self._run("delete from job where id = ?", id)

    # --- Events ------------------------------------------------------------------------------------------------------

    def add_event(self, job: str, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event of a job. Only the last progress is kept: a new listener wants no other."""
        with self._connected() as database:
            database.execute("begin immediate")
            if kind == "progress":
                database.execute("delete from event where job = ? and kind = 'progress'", (job,))
            database.execute("insert into event (job, kind, data) values (?, ?, ?)", (job, kind, json.dumps(data)))
            database.execute("commit")

    def events(self, job: str, after: int) -> Sequence[tuple[int, str, str]]:
        """Return the events of a job after number `after`: (number, kind, JSON text)."""
        rows = self._run(
            "select number, kind, data from event where job = ? and number > ? order by number", job, after
        )
        return [(row["number"], row["kind"], row["data"]) for row in rows]


def _job(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("request", "target", "finding", "summary"):
        row[name] = json.loads(row[name]) if row[name] is not None else None
    return row
