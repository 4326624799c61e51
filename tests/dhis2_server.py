"""A DHIS2 server for the tests: a real HTTP server that answers as 2.41, 2.42 or 2.43 do.

What it does is what the reference of DHIS2's Web API says, so far as a migration asks for it: system info, metadata
with paging, jobs that progress, data integrity with its cache, maintenance, data values, completions.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from dhis2_http import REASONS, Answer, LoopbackServer, Request

VERSIONS = ("2.41.9", "2.42.7", "2.43.2")
USERNAME, PASSWORD = "admin", "district-Secret9"
TOKEN = "d2pat_5xVA12xyUbWNedQxy4ohH77WlxRGVvZZ1151814092"
BEARER = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"
BASIC = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, TOKEN, BEARER, BASIC)
DEFAULT_COC = "HllvX50cXC0"

_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")
_PERIOD = re.compile(r"\d{4,8}([A-Za-z]\w*)?")
_PERIODS = {"Monthly": re.compile(r"\d{6}"), "Weekly": re.compile(r"\d{4}W\d{1,2}"), "Yearly": re.compile(r"\d{4}")}
_PERIODS |= {"Quarterly": re.compile(r"\d{4}Q\d"), "Daily": re.compile(r"\d{8}")}
Object = dict[str, Any]


def check(name: str, severity: str, section: str, *, slow: bool = False) -> Object:
    """A data integrity check as the list of them has it."""
    return {
        "name": name,
        "displayName": name.replace("_", " ").capitalize(),
        "section": section,
        "sectionOrder": 1,
        "severity": severity,
        "description": f"Finds {name}",
        "issuesIdType": "things",
        "isSlow": slow,
        "isProgrammatic": False,
        "code": "".join(word[0] for word in name.split("_")).upper(),
        "averageExecutionTime": 12,
        "ofLaterReleases": {"some": "thing"},
    }


CHECKS = (
    check("orgunits_orphaned", "CRITICAL", "Organisation units"),
    check("orgunits_trailing_spaces", "WARNING", "Organisation units"),
    check("cocs_wrong_cardinality", "SEVERE", "Categories"),
    check("categories_no_options", "WARNING", "Categories"),
    check("option_sets_wrong_sort_order", "INFO", "Option sets"),
    check("data_elements_aggregate_no_data", "WARNING", "Data elements (aggregate)", slow=True),
)


def issues(count: int, check_name: str = "it") -> list[Object]:
    """Issues of a check."""
    return [
        {"id": f"i{number:010d}", "name": f"{check_name} {number}", "comment": "odd", "refs": []}
        for number in range(count)
    ]


@dataclass
class Job:
    """A job; each look at its notifications lets it take a step."""

    id: str
    type: str
    steps: list[Object]
    finish: Callable[[], Any]
    created: str
    shown: int = 0
    is_done: bool = False
    summary: Any = None


@dataclass
class Metadata:
    """What the server has, by collection; made from a metadata export."""

    collections: dict[str, list[Object]] = field(default_factory=dict)

    def by_id(self, collection: str) -> dict[str, Object]:
        return {found["id"]: found for found in self.collections.get(collection, [])}


class Dhis2Server(LoopbackServer):
    """Answers under /dhis; elsewhere it leads there, as servers behind a proxy do."""

    def __init__(self, version: str = VERSIONS[-1], metadata: Mapping[str, list[Object]] | None = None) -> None:
        super().__init__()
        self.version = version
        self.generation = int(version.split(".")[1])
        self.metadata = Metadata(dict(metadata or {}))
        self.values: dict[tuple[str, ...], Object] = {}
        self.arrivals: Counter[tuple[str, ...]] = Counter()
        """How often each value was written."""
        self.accepted_sizes: list[int] = []
        self.completions: list[Object] = []
        self.locked: set[tuple[str, str]] = set()
        """Organisation units and periods that are closed for entry."""
        self.jobs: dict[str, Job] = {}
        self.issues: dict[str, list[Object]] = {}
        self.crashing: set[str] = set()
        self.results: dict[str, dict[str, Object]] = {"summary": {}, "details": {}}
        self.answer_checks: Sequence[Object] | None = None
        """Checks that it says it has, if not `CHECKS`."""
        self.cleared = 0
        self.is_endless = False
        self.fails_jobs = False
        self.cocs_wait = 0
        """How many looks at a category combo it takes after an update until its option combos are there."""
        self.seconds_a_value = 0.0
        self.slowest_size = 0
        self.details_stream: Callable[[], AsyncIterator[bytes]] | None = None
        self.go = threading.Event()
        """Lets an answer that waits go on."""
        self.has_sent_all = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dhis"

    # --- The door ----------------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Answer:
        """Answer a request as the version at hand does."""
        if not request.path.startswith("/dhis/"):
            query = f"?{'&'.join(f'{k}={v}' for k, vs in request.query.items() for v in vs)}" if request.query else ""
            return Answer(302, b"", {"Location": f"/dhis{request.path}{query}"})
        path = request.path.removeprefix("/dhis")
        if path == "/login/":
            return Answer.page("<!DOCTYPE html><html><title>DHIS 2 Login</title></html>")
        given = request.headers.get("authorization")
        if given is None:
            return Answer(302, b"", {"Location": f"{self.url}/login/"})
        if given not in (f"Basic {BASIC}", f"ApiToken {TOKEN}", f"Bearer {BEARER}"):
            return self.message(401, "Unauthorized, the credentials are wrong: " + given)
        path = re.sub(r"^/api/(4\d/)?", "", path)
        for pattern, method, handler in self._routes():
            if (match := re.fullmatch(pattern, path)) and request.method in method.split("|"):
                answer: Answer = await handler(request, *match.groups())
                return answer
        return self.message(404, f"/api/{path} was not found", "E1005")

    def message(
        self, status: int, text: str, code: str | None = None, response: Any = None, level: str | None = None
    ) -> Answer:
        """A WebMessage."""
        document = {
            "httpStatus": REASONS[status],
            "httpStatusCode": status,
            "status": level or ("OK" if status < 400 else "ERROR"),
            "message": text,
        }
        if code:
            document["errorCode"] = code
        if response is not None:
            document["response"] = response
        return Answer.of(document, status)

    def _routes(self) -> Sequence[tuple[str, str, Any]]:
        return (
            (r"system/info(?:\.json)?", "GET", self._info),
            (r"system/ping", "GET", self._ping),
            (r"me", "GET", self._me),
            (r"system/tasks/(\w+)/(\w+)", "GET", self._tasks),
            (r"system/taskSummaries/(\w+)/(\w+)", "GET", self._task_summary),
            (r"dataIntegrity", "GET", self._checks),
            (r"dataIntegrity()", "POST", self._run_integrity),
            (r"dataIntegrity/(summary|details)", "POST", self._run_integrity),
            (r"dataIntegrity/(summary|details)", "GET", self._integrity_results),
            (r"dataIntegrity/(summary|details)/(running|completed)", "GET", self._integrity_state),
            (r"maintenance/(\w+)", "POST|PUT", self._maintain),
            (r"maintenance/categoryOptionComboUpdate/categoryCombo/(\w+)", "POST|PUT", self._update_combo),
            (r"resourceTables(?:/(\w+))?", "POST|PUT", self._tables),
            (r"dataValueSets", "POST", self._import_values),
            (r"completeDataSetRegistrations", "POST", self._complete),
            (r"(\w+)", "GET", self._collection),
            (r"(\w+)/(\w+)", "GET", self._object),
        )

    async def _info(self, request: Request) -> Answer:
        return Answer.of(
            {
                "version": self.version,
                "revision": "3f8c14a",
                "buildTime": "2026-08-21T05:01:02.000",
                "contextPath": self.url,
                "calendar": "iso8601",
                "dateFormat": "yyyy-mm-dd",
                "serverDate": self.now(),
                "serverTimeZoneId": "Etc/UTC",
                "lastAnalyticsTableSuccess": "2026-08-20T03:00:00.000",
                "systemId": "eed3d451-4ff5-4193-b951-ffcc68954299",
                "databaseInfo": {"spatialSupport": True},
                "somethingNew": 7,
            }
        )

    async def _ping(self, request: Request) -> Answer:
        return Answer(200, b"pong", {"Content-Type": "text/plain"})

    async def _me(self, request: Request) -> Answer:
        me = {
            "id": "xE7jOejl9FI",
            "username": USERNAME,
            "authorities": ["ALL"],
            "dataSets": [],
            "organisationUnits": [],
        }
        return Answer.of(me)

    @staticmethod
    def now(ago_s: float = 0) -> str:
        return (datetime.now() - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds")

    # --- Metadata ----------------------------------------------------------------------------------------------------

    async def _collection(self, request: Request, name: str) -> Answer:
        if name not in self.metadata.collections:
            return self.message(404, f"/api/{name} was not found", "E1005")
        found = [
            o for o in self.metadata.collections[name] if all(_fits(o, f) for f in request.query.get("filter", []))
        ]
        fields = _fields(request.first("fields", "id,displayName"))
        if request.first("paging") == "false":
            return Answer.of({name: [_picked(o, fields) for o in found]})
        page, size = int(request.first("page", "1")), int(request.first("pageSize", "50"))
        part = found[(page - 1) * size : page * size]
        pages = max(1, -(-len(found) // size))
        pager: Object = {"page": page, "total": len(found), "pageSize": size, "pageCount": pages}
        if page < pages:
            pager["nextPage"] = f"{self.url}/api/{name}?page={page + 1}&pageSize={size}"
        return Answer.of({"pager": pager, name: [_picked(o, fields) for o in part]})

    async def _object(self, request: Request, name: str, uid: str) -> Answer:
        found = self.metadata.by_id(name).get(uid)
        if found is None:
            return self.message(404, f"{name} with id {uid} could not be found.", "E1005")
        if name == "categoryCombos" and self.cocs_wait:
            self.cocs_wait -= 1
            if not self.cocs_wait:
                self._generate(found)
        return Answer.of(_picked(found, _fields(request.first("fields", "id,displayName"))))

    def _generate(self, combo: Object) -> None:
        """Add the option combos that a category combo lacks."""
        categories = self.metadata.by_id("categories")
        cocs = self.metadata.collections.setdefault("categoryOptionCombos", [])
        known = {
            frozenset(o["id"] for o in c["categoryOptions"]) for c in cocs if c["categoryCombo"]["id"] == combo["id"]
        }
        for options in product(
            *([o["id"] for o in categories[c["id"]]["categoryOptions"]] for c in combo["categories"])
        ):
            if frozenset(options) not in known:
                uid = f"coc{len(cocs):08d}"
                made = {
                    "id": uid,
                    "categoryCombo": {"id": combo["id"]},
                    "categoryOptions": [{"id": o} for o in options],
                }
                cocs.append(made)
                combo.setdefault("categoryOptionCombos", []).append(made)

    # --- Jobs --------------------------------------------------------------------------------------------------------

    def start(self, kind: str, messages: Sequence[str], finish: Callable[[], Any], *, quiet: bool = False) -> Answer:
        """Start a job, and answer as DHIS2 does."""
        uid = f"job{len(self.jobs):08d}"
        steps = [self._notification(kind, "INFO", text) for text in (() if quiet else messages)]
        job = self.jobs[uid] = Job(uid, kind, steps, finish, self.now())
        response = {
            "responseType": "JobConfigurationWebMessageResponse",
            "name": kind.lower(),
            "id": uid,
            "created": job.created,
            "jobType": kind,
            "jobStatus": "SCHEDULED",
            "jobParameters": {},
            "relativeNotifierEndpoint": f"/api/system/tasks/{kind}/{uid}",
        }
        return self.message(200, f"Initiated {kind.lower()}", response=response)

    def _notification(self, kind: str, level: str, text: str, *, completed: bool = False) -> Object:
        self._ticks = getattr(self, "_ticks", 0) + 1
        return {
            "uid": f"n{self._ticks // 2:010d}",  # entries of one millisecond share it
            "id": f"n{self._ticks // 2:010d}",
            "level": level,
            "category": kind,
            "time": self.now(),
            "timestamp": self._ticks // 2,
            "message": text,
            "completed": completed,
            "dataType": None,
            "data": None,
        }

    async def _tasks(self, request: Request, kind: str, uid: str) -> Answer:
        job = self.jobs.get(uid)
        if job is None or job.type != kind:
            return Answer.of([])
        self._step(job)
        return Answer.of(job.steps[: job.shown][::-1])

    def _step(self, job: Job) -> None:
        is_quiet = job.type.startswith("DATA_INTEGRITY") and self.generation >= 42
        if job.is_done:
            return
        if job.shown < len(job.steps):
            job.shown += 1
        elif self.is_endless:
            job.steps.append(self._notification(job.type, "LOOP", f"still at it, {job.shown}"))
            job.shown += 1
        elif not self.is_endless:
            job.is_done = True
            job.summary = None if self.fails_jobs else job.finish()
            if self.fails_jobs:
                job.steps.append(self._notification(job.type, "ERROR", "Process failed: no disk", completed=True))
            elif not is_quiet:
                job.steps.append(self._notification(job.type, "INFO", "Process completed", completed=True))
            job.shown = len(job.steps)

    async def _task_summary(self, request: Request, kind: str, uid: str) -> Answer:
        job = self.jobs.get(uid)
        return Answer.of(job.summary) if job and job.summary is not None else Answer(200)

    # --- Data integrity ----------------------------------------------------------------------------------------------

    async def _checks(self, request: Request) -> Answer:
        named = self._named_checks(request.listed("checks"), default=lambda _: True)
        section = request.first("section")
        known = CHECKS if self.answer_checks is None else self.answer_checks
        return Answer.of([c for c in known if c["name"] in named and section in ("", c["section"])])

    @staticmethod
    def _named_checks(names: Sequence[str], default: Callable[[Object], bool] = lambda c: not c["isSlow"]) -> set[str]:
        if not names:
            return {c["name"] for c in CHECKS if default(c)}
        patterns = [re.compile(re.escape(n.replace("-", "_")).replace(r"\*", ".*")) for n in names]
        return {c["name"] for c in CHECKS if c["code"] in names or any(p.fullmatch(c["name"]) for p in patterns)}

    async def _run_integrity(self, request: Request, what: str) -> Answer:
        what = what or "summary"
        names = self._named_checks(request.json() or request.listed("checks"))
        started = self.now()

        def finish() -> None:
            for found in CHECKS:
                if found["name"] in names:
                    self.results[what][found["name"]] = self.result(found, what, started)

        kind = "DATA_INTEGRITY_DETAILS" if what == "details" else "DATA_INTEGRITY"
        return self.start(kind, ["Data integrity check", "half done"], finish, quiet=self.generation >= 42)

    def result(self, found: Object, what: str, started: str) -> Object:
        """What a check found, as the cache holds it."""
        rows = self.issues.get(found["name"], [])
        result = found | {"startTime": started, "finishedTime": self.now(-0.001)}
        if found["name"] in self.crashing:
            return (
                result
                | {"error": "relation does not exist", "count": -1}
                | ({"issues": []} if what == "details" else {})
            )
        if what == "details":
            return result | {"issues": rows}
        return result | {"count": len(rows), "percentage": 1.5}

    def fill_cache(self, ago_s: float = 60) -> None:
        """As if all checks had run some time ago."""
        for what, results in self.results.items():
            for found in CHECKS:
                results[found["name"]] = self.result(found, what, self.now(ago_s)) | {"finishedTime": self.now(ago_s)}

    async def _integrity_results(self, request: Request, what: str) -> Answer:
        if what == "details" and self.details_stream:
            return Answer(200, self.details_stream(), {"Content-Type": "application/json"})
        names = self._named_checks(request.listed("checks"))
        fresh = {n: r for n, r in self.results[what].items() if n in names and r["finishedTime"] > self.now(3600)}
        return Answer.of(fresh)

    async def _integrity_state(self, request: Request, what: str, state: str) -> Answer:
        kind = "DATA_INTEGRITY_DETAILS" if what == "details" else "DATA_INTEGRITY"
        running = [job for job in self.jobs.values() if job.type == kind and not job.is_done]
        if state == "running":
            for job in running:
                self._step(job)
            return Answer.of([CHECKS[0]["name"]] if running else [])
        return Answer.of(sorted(self.results[what]))

    # --- Maintenance -------------------------------------------------------------------------------------------------

    async def _maintain(self, request: Request, what: str) -> Answer:
        if what == "categoryOptionComboUpdate":
            for combo in self.metadata.collections.get("categoryCombos", []):
                if not self.cocs_wait:
                    self._generate(combo)
        elif what in ("cacheClear", "cache"):
            self.cleared += 1
        else:
            return self.message(404, f"/api/maintenance/{what} was not found", "E1005")
        return Answer(204) if self.generation <= 42 else self.message(200, "Maintenance done")

    async def _update_combo(self, request: Request, uid: str) -> Answer:
        combo = self.metadata.by_id("categoryCombos").get(uid)
        if combo is None:
            return self.message(409, f"CategoryCombo with id {uid} could not be found.", "E1110")
        if not self.cocs_wait:
            self._generate(combo)
        done = {
            "responseType": "ImportSummaries",
            "status": "SUCCESS",
            "imported": 0,
            "updated": 1,
            "importSummaries": [],
        }
        return self.message(200, "Import was successful.", response=done)

    async def _tables(self, request: Request, what: str | None) -> Answer:
        kinds = {None: "RESOURCE_TABLE", "analytics": "ANALYTICS_TABLE", "monitoring": "MONITORING"}
        if what not in kinds:
            return self.message(404, f"/api/resourceTables/{what} was not found", "E1005")
        messages = ["Performing init", "Analytics tables updating", "Swapping tables"]
        return self.start(kinds[what], messages, lambda: None)

    # --- Data values -------------------------------------------------------------------------------------------------

    async def _import_values(self, request: Request) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return self.message(415, "Unsupported media type")
        document = request.json()
        if self.slowest_size and len(document["dataValues"]) > self.slowest_size:
            return Answer(413, b"<html>too large</html>", {"Content-Type": "text/html"})
        await asyncio.sleep(self.seconds_a_value * len(document["dataValues"]))
        importing = _Importing(self, document, request)
        if request.first("async") == "true":
            texts = ["Process started", "Importing data values"]
            return self.start("DATAVALUE_IMPORT", texts, lambda: importing.run()[0])
        return importing.answer()

    async def _complete(self, request: Request) -> Answer:
        conflicts = []
        given = request.json()["completeDataSetRegistrations"]
        taken = []
        for registration in given:
            if registration["dataSet"] not in self.metadata.by_id("dataSets"):
                conflicts.append({"object": registration["dataSet"], "value": "Data set not found or not accessible"})
            else:
                taken.append(registration)
        if request.first("dryRun") != "true":
            self.completions += taken
        status = "SUCCESS" if not conflicts else "WARNING" if taken else "ERROR"
        count = {"imported": len(taken), "updated": 0, "ignored": len(conflicts), "deleted": 0}
        summary = {"responseType": "ImportSummary", "status": status, "importCount": count, "conflicts": conflicts}
        return self.message(200 if status == "SUCCESS" else 409, "Import done", response=summary)


class _Importing:
    """One import of data values."""

    def __init__(self, server: Dhis2Server, document: Object, request: Request) -> None:
        self.server, self.document, self.request = server, document, request
        self.dry_run = request.first("dryRun") == "true" or document.get("dryRun") is True
        self.rows: list[Object] = document.get("dataValues", [])
        self.conflicts: list[Object] = []
        self.rejected: set[int] = set()

    def answer(self) -> Answer:
        """The answer of a synchronous import."""
        if self.server.generation >= 43:
            bad = [r["period"] for r in self.rows if not _PERIOD.fullmatch(r.get("period", ""))]
            if bad:
                return self.server.message(400, f"Invalid period: {bad[0]}")
        summary, status = self.run()
        level = {"SUCCESS": "OK"}.get(summary["status"], summary["status"])
        text = "Import was successful." if level == "OK" else "One or more errors occurred, please see import summary"
        return self.server.message(status, text, response=summary, level=level)

    def run(self) -> tuple[Object, int]:
        """Import; returns the summary and the status of the answer that goes with it."""
        return self._run_43() if self.server.generation >= 43 else self._run_42()

    def _summary(self, status: str, imported: int, updated: int, ignored: int, deleted: int = 0) -> Object:
        count = {"imported": imported, "updated": updated, "ignored": ignored, "deleted": deleted}
        return {
            "responseType": "ImportSummary",
            "status": status,
            "importOptions": {"dryRun": self.dry_run},
            "description": "Import process completed",
            "importCount": count,
            "conflicts": self.conflicts,
            "rejectedIndexes": sorted(self.rejected),
            "dataSetComplete": "false",
        }

    def _scheme(self, kind: str) -> str:
        own = f"{kind}IdScheme"
        given = self.document.get(own) or self.request.first(own) or self.request.first("idScheme")
        return str(given or "UID").upper()

    def _by(self, kind: str, collection: str) -> dict[str, Object]:
        """Objects of a collection by their identifier in the import's scheme."""
        scheme = self._scheme(kind)
        objects = self.server.metadata.collections.get(collection, [])
        if scheme == "UID":
            return {o["id"]: o for o in objects}
        if scheme.startswith("ATTRIBUTE:"):
            uid = scheme.partition(":")[2]
            return {
                v["value"]: o
                for o in objects
                for v in o.get("attributeValues", [])
                if v["attribute"]["id"].upper() == uid
            }
        return {o[scheme.lower()]: o for o in objects if o.get(scheme.lower())}

    # 2.41 and 2.42: row by row

    def _run_42(self) -> tuple[Object, int]:
        elements, units = self._by("dataElement", "dataElements"), self._by("orgUnit", "organisationUnits")
        data_set = self.document.get("dataSet")
        if data_set and data_set not in self._by("dataSet", "dataSets"):
            self.conflicts.append(
                {
                    "object": data_set,
                    "objects": {"dataSet": data_set},
                    "value": "Data set not found",
                    "errorCode": "E7600",
                }
            )
            return self._summary("ERROR", 0, 0, 0), 409
        counts: Counter[str] = Counter()
        merged: dict[tuple[str, str], Object] = {}
        for index, row in enumerate(self.rows):
            found = self._flaw_42(row, elements, units)
            if found:
                code, kind, culprit, text = found
                conflict = merged.setdefault(
                    (code, culprit),
                    {
                        "object": culprit,
                        "objects": {kind: culprit},
                        "value": text,
                        "errorCode": code,
                        "property": kind,
                        "indexes": [],
                    },
                )
                conflict["indexes"].append(index)
                self.rejected.add(index)
                counts["ignored"] += 1
            else:
                counts[self._store(row, elements, units)] += 1
        self.conflicts += merged.values()
        self._taken()
        status = "WARNING" if self.conflicts else "SUCCESS"
        summary = self._summary(status, counts["imported"], counts["updated"], counts["ignored"], counts["deleted"])
        return summary, 409 if self.conflicts else 200

    def _flaw_42(self, row: Object, elements: Object, units: Object) -> tuple[str, str, str, str] | None:
        element = elements.get(row["dataElement"])
        if element is None:
            return "E7610", "dataElement", row["dataElement"], "Data element not found or not accessible"
        if not _PERIOD.fullmatch(row["period"]):
            return "E7611", "period", row["period"], "Period not valid"
        if row["orgUnit"] not in units:
            return "E7612", "orgUnit", row["orgUnit"], "Organisation unit not found or not accessible"
        if (row["orgUnit"], row["period"]) in self.server.locked:
            return "E7640", "period", row["period"], f"Current date is past expiry days for period {row['period']}"
        if not row.get("deleted") and not row.get("value") and not row.get("comment"):
            return "E7618", "value", "", "Value or comment not specified"
        if _wrong(row, element):
            return "E7619", "value", row["value"], f"Value must match data element type: {row['value']}"
        return self._strict_flaw_42(row, element)

    def _strict_flaw_42(self, row: Object, element: Object) -> tuple[str, str, str, str] | None:
        """What a row is rejected for only where the request asks for it."""
        data_sets = [
            data_set
            for data_set in self.server.metadata.collections.get("dataSets", [])
            if element["id"] in {m["dataElement"]["id"] for m in data_set.get("dataSetElements", [])}
            and self.document.get("dataSet") in (None, data_set["id"])
        ]

        def asked(name: str) -> bool:
            return self.request.first(name) == "true"

        if asked("strictPeriods") and not any(_PERIODS[d["periodType"]].fullmatch(row["period"]) for d in data_sets):
            return "E7632", "period", row["period"], "Period type is not one of the data element's data sets"
        if asked("strictDataElements") and not data_sets:
            return "E7633", "dataElement", row["dataElement"], "Data element is not in the data set"
        combo = row.get("categoryOptionCombo")
        if asked("strictCategoryOptionCombos") and combo not in (None, DEFAULT_COC):
            known = self.server.metadata.by_id("categoryOptionCombos").get(combo, {})
            overrides = {
                m["categoryCombo"]["id"]
                for d in data_sets
                for m in d["dataSetElements"]
                if m["dataElement"]["id"] == element["id"] and "categoryCombo" in m
            }
            if known and known["categoryCombo"]["id"] not in overrides | {element["categoryCombo"]["id"]}:
                return "E7634", "categoryOptionCombo", combo, "Option combo is not one of the data element"
        if asked("strictOrganisationUnits") and not any(
            row["orgUnit"] in {unit["id"] for unit in d.get("organisationUnits", [])} for d in data_sets
        ):
            return "E7636", "orgUnit", row["orgUnit"], "Organisation unit is not assigned to a data set"
        return None

    # 2.43: group by group

    def _run_43(self) -> tuple[Object, int]:
        elements, units = self._by("dataElement", "dataElements"), self._by("orgUnit", "organisationUnits")
        for kind, names, known, code in (
            ("data element", [r["dataElement"] for r in self.rows], elements, "E8103"),
            ("org unit", [r["orgUnit"] for r in self.rows], units, "E8107"),
        ):
            scheme = self._scheme("dataElement" if kind == "data element" else "orgUnit")
            for name in names:
                wrong = not _UID.fullmatch(name) if scheme == "UID" else name not in known
                if wrong:
                    self._conflict(code, f"Could not find {kind} {name} in scheme {scheme}", [name], [-1])
                    return self._summary("ERROR", 0, 0, 0), 409
        data_sets = self._by("dataSet", "dataSets")
        if flaw := self._flaw_of_group(data_sets, elements, units):
            code, text, culprits = flaw
            self.rejected = set(range(len(self.rows)))
            self._conflict(code, text, culprits, sorted(self.rejected))
            return self._summary("ERROR", 0, 0, 0), 409
        written = 0
        deleted = self._delete_scope()
        for index, row in enumerate(self.rows):
            element = elements[row["dataElement"]]
            if not row.get("deleted") and not row.get("value"):
                self._conflict("E8120", "Value is missing", [row["dataElement"]], [index])
            elif _wrong(row, element):
                arguments = [row["dataElement"], "value_not_number", row["value"]]
                self._conflict("E8122", f"Value `{row['value']}` is not a valid value", arguments, [index])
            else:
                self._store(row, elements, units)
                written += 1
                continue
            self.rejected.add(index)
        self._taken()
        ignored = len(self.rows) - written
        status = "SUCCESS" if not ignored else "WARNING" if written else "ERROR"
        return self._summary(status, 0, written, ignored, deleted), 409 if status == "ERROR" else 200

    def _conflict(self, code: str, text: str, arguments: list[str], indexes: list[int]) -> None:
        objects = {"args": "-".join(arguments)}
        for known in self.conflicts:
            if (known["errorCode"], known["objects"]) == (code, objects):
                known["indexes"] += indexes
                return
        self.conflicts.append({"objects": objects, "value": text, "errorCode": code, "indexes": indexes})

    def _flaw_of_group(self, data_sets: Object, elements: Object, units: Object) -> tuple[str, str, list[str]] | None:
        named = self.document.get("dataSet")
        used = {r["dataElement"] for r in self.rows}
        if named is None:
            holders = {
                uid: d
                for uid, d in data_sets.items()
                if used & {m["dataElement"]["id"] for m in d.get("dataSetElements", [])}
            }
            if len(holders) != 1:
                code = "E8002" if holders else "E8003"
                return code, "Data elements belong to several data sets" if holders else "No data set", sorted(used)
            (data_set,) = holders.values()
        elif named not in data_sets:
            return "E8005", f"Data set {named} was not found", [named]
        else:
            data_set = data_sets[named]
        members = {m["dataElement"]["id"] for m in data_set.get("dataSetElements", [])}
        strange = sorted(name for name in used if elements.get(name, {}).get("id") not in members)
        if strange:
            return "E8020", f"Data elements are not in the data set: {strange}", strange
        assigned = {u["id"] for u in data_set.get("organisationUnits", [])}
        strange = sorted({r["orgUnit"] for r in self.rows if units.get(r["orgUnit"], {}).get("id") not in assigned})
        if strange:
            return "E8022", f"Organisation units are not assigned to the data set: {strange}", strange
        if any((r["orgUnit"], r["period"]) in self.server.locked for r in self.rows):
            return "E8030", "Data set is not open for entry", [named or "none"]
        keys = Counter(json.dumps([r.get(k) for k in _KEY]) for r in self.rows)
        twice = [key for key, count in keys.items() if count > 1]
        return ("E8128", f"Duplicate values: {twice[:3]}", twice[:3]) if twice else None

    def _delete_scope(self) -> int:
        scope = self.document.get("deletion")
        if not scope:
            return 0
        wanted = {
            (e["dataElement"], e.get("categoryOptionCombo", DEFAULT_COC), e.get("attributeOptionCombo", DEFAULT_COC))
            for e in scope["elements"]
        }
        found = 0
        for (element, period, unit, coc, aoc), stored in self.server.values.items():
            if (element, coc, aoc) in wanted and period in scope["periods"] and unit in scope["orgUnits"]:
                found += not stored.get("deleted")
                if not self.dry_run:
                    stored["deleted"] = True
        return found

    def _taken(self) -> None:
        if not self.dry_run:
            self.server.accepted_sizes.append(len(self.rows))

    def _store(self, row: Object, elements: Object, units: Object) -> str:
        """Write a value; returns the count it goes into (2.42)."""
        key = (
            elements[row["dataElement"]]["id"],
            row["period"],
            units[row["orgUnit"]]["id"],
            row.get("categoryOptionCombo") or DEFAULT_COC,
            row.get("attributeOptionCombo") or DEFAULT_COC,
        )
        known = self.server.values.get(key)
        said: Object = {
            name: row[name] for name in ("value", "comment", "followUp", "followup", "deleted") if name in row
        }
        if self.dry_run:
            return "updated" if known else "imported"
        self.server.arrivals[key] += 1
        if known == said:
            return "ignored"
        self.server.values[key] = said
        if said.get("deleted"):
            return "deleted"
        return "updated" if known else "imported"


_KEY = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")


def _wrong(row: Object, element: Object) -> bool:
    """Whether a value does not fit its type, so far as tests need it."""
    kind = element.get("valueType", "TEXT")
    pattern = r"-?(0|[1-9]\d*)" if kind.startswith("INTEGER") else r"-?\d+(\.\d+)?" if kind == "NUMBER" else r"(?s).*"
    return bool(row.get("value")) and not row.get("deleted") and not re.fullmatch(pattern, row["value"])


def _fits(found: Object, text: str) -> bool:
    """Whether an object fits a filter such as `domainType:eq:AGGREGATE` or `id:in:[a,b]`."""
    path, operator, wanted = text.split(":", 2)
    at: list[Any] = [found]
    for name in path.split("."):
        at = [v for o in at for v in (o[name] if isinstance(o.get(name), list) else [o.get(name)]) if v is not None]
    if operator == "in":
        return bool(set(at) & set(wanted.strip("[]").split(",")))
    assert operator == "eq", text
    return wanted in at


def _fields(text: str) -> Object:
    """Read `id,elements[dataElement[id]]` as a tree."""
    tree: Object = {}
    stack = [tree]
    name = ""
    for part in re.findall(r"[^,\[\]]+|[,\[\]]", text):
        if part == "[":
            stack.append(stack[-1][name])
        elif part == "]":
            stack.pop()
        elif part != ",":
            name = part
            stack[-1][name] = {}
    return tree


def _picked(found: Any, fields: Object) -> Any:
    if isinstance(found, list):
        return [_picked(one, fields) for one in found]
    if not fields or not isinstance(found, dict):
        return found
    return {
        name: _picked(found[name], below) for name, below in fields.items() if name in found and found[name] is not None
    }
