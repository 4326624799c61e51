"""A DHIS2 server for the tests: a real HTTP server that answers as 2.41, 2.42 or 2.43 do.

It answers as servers of 2.42.4.1 and 2.43.0 were seen to, so far as a migration asks for it: system info, metadata with
paging, jobs that progress, data integrity with its cache, maintenance, data values, completions. 2.41 is as 2.42, and
2.44 as 2.43; test_loopback_server.py compares.
"""

from __future__ import annotations

import asyncio
import base64
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from support.dhis2_exports import ValueExport
from support.dhis2_http import REASONS, Answer, LoopbackServer, Request
from support.dhis2_imports import Breakdown, ValueImport, import_options, summary_of

VERSIONS = ("2.41.9", "2.42.7", "2.43.2")
USERNAME, PASSWORD = "admin", "district-Secret9"
TOKEN = "d2pat_5xVA12xyUbWNedQxy4ohH77WlxRGVvZZ1151814092"
BEARER = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"
BASIC = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, TOKEN, BEARER, BASIC)
DEFAULT_COC = "HllvX50cXC0"
"""The default option combo of a server whose metadata has none."""

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
        "introduction": "They are in the way.",
        "recommendation": "Correct them.",
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
    return [{"id": f"i{number:010d}", "name": f"{check_name} {number}", "comment": "odd"} for number in range(count)]


@dataclass
class Job:
    """A job; each look at its notifications lets it take a step."""

    id: str
    type: str
    name: str
    steps: list[Object]
    finish: Callable[[], tuple[Any, str]]
    """Does the work; returns the summary and the last that is said."""
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

    def by(self, collection: str, scheme: str) -> dict[str, Object]:
        """Objects by their identifier in a scheme, which is in capitals."""
        if scheme == "UID":
            return self.by_id(collection)
        objects = self.collections.get(collection, [])
        if scheme.startswith("ATTRIBUTE:"):
            uid = scheme.partition(":")[2]
            return {
                v["value"]: o
                for o in objects
                for v in o.get("attributeValues", [])
                if v["attribute"]["id"].upper() == uid
            }
        return {o[scheme.lower()]: o for o in objects if o.get(scheme.lower())}


class Dhis2Server(LoopbackServer):
    """Answers under /dhis; elsewhere it leads there, as servers behind a proxy do."""

    def __init__(self, version: str = VERSIONS[-1], metadata: Mapping[str, list[Object]] | None = None) -> None:
        super().__init__()
        self.version = version
        self.generation = int(version.split(".")[1])
        self.metadata = Metadata(dict(metadata or {}))
        self.values: dict[tuple[str, ...], Object] = {}
        """What is stored: `value`, `comment`, `followup` where they are not null, and `deleted` where it is true."""
        self.times: dict[tuple[str, ...], tuple[str, str]] = {}
        """When each value was created and last updated."""
        self.arrivals: Counter[tuple[str, ...]] = Counter()
        """How often each value was written."""
        self.accepted_sizes: list[int] = []
        self.completions: list[Object] = []
        self.locked: set[tuple[str, str]] = set()
        """Organisation units and periods that are closed for entry."""
        self.unreadable: set[str] = set()
        """Organisation units whose data the user may write and not read."""
        self.jobs: dict[str, Job] = {}
        self.issues: dict[str, list[Object]] = {}
        self.crashing: set[str] = set()
        self.results: dict[str, dict[str, Object]] = {"summary": {}, "details": {}}
        self.answer_checks: Sequence[Object] | None = None
        """Checks that it says it has, if not `CHECKS`."""
        self.cleared = 0
        self.is_endless = False
        self.fails_jobs = False
        self.is_mute = False
        """Whether jobs of data integrity say nothing at all as long as nothing fails."""
        self.breakdowns: list[Breakdown] = []
        """Imports that fail within, the next one first."""
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

    @property
    def default_option_combo(self) -> Object:
        """The option combo that stands for none."""
        for found in self.metadata.collections.get("categoryOptionCombos", []):
            if found.get("name") == "default":
                return found
        return {"id": DEFAULT_COC, "categoryCombo": {"id": "default"}}

    @property
    def default_coc(self) -> str:
        """The UID of the option combo that stands for none."""
        return str(self.default_option_combo["id"])

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
        self,
        status: int,
        text: str | None = None,
        code: str | None = None,
        response: Any = None,
        level: str | None = None,
    ) -> Answer:
        """A WebMessage."""
        document: Object = {
            "httpStatus": REASONS[status],
            "httpStatusCode": status,
            "status": level or ("OK" if status < 400 else "ERROR"),
        }
        if text is not None:
            document["message"] = text
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
            (r"system/tasks", "GET", self._all_tasks),
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
            (r"dataValueSets\.(json|csv|xml|adx\+xml)", "GET", self._export_values),
            (r"completeDataSetRegistrations", "POST", self._complete),
            (r"completeDataSetRegistrations", "GET", self._completions),
            (r"jobConfigurations", "GET", self._job_configurations),
            (r"predictors/run", "POST", self._predict),
            (r"validationResults", "GET", self._validation_results),
            (r"(\w+)", "GET", self._collection),
            (r"(\w+)/(\w+)", "GET", self._object),
        )

    async def _info(self, request: Request) -> Answer:
        never, now = "1970-01-01T00:00:00.000", self.now()
        database = {"name": "dhis", "user": "dhis", "url": "jdbc:postgresql://127.0.0.1/dhis"}
        document: Object = {
            "contextPath": self.url,
            "userAgent": request.headers.get("user-agent", ""),
            "calendar": "iso8601",
            "dateFormat": "yyyy-mm-dd",
            "serverDate": now,
            "serverTimeZoneId": "Etc/UTC",
            "serverTimeZoneDisplayName": "Coordinated Universal Time",
            "lastAnalyticsTableSuccess": "2026-08-20T03:00:00.000",
            "intervalSinceLastAnalyticsTableSuccess": "11 m, 27 s",
            "lastAnalyticsTableRuntime": "00:00:31.223",
            "lastSystemMonitoringSuccess": never,
            "lastAnalyticsTablePartitionSuccess": never,
            "intervalSinceLastAnalyticsTablePartitionSuccess": "498848 h, 1 m, 27 s",
            "lastAnalyticsTablePartitionRuntime": "",
            "databaseInfo": database | {"databaseVersion": "PostgreSQL 15.20", "spatialSupport": True, "time": now},
            "version": self.version,
            "revision": "3f8c14a",
            "buildTime": "2026-08-21T05:01:02.000",
            "jasperReportsVersion": "6.20.0",
            "environmentVariable": "DHIS2_HOME",
            "fileStoreProvider": "filesystem",
            "readOnlyMode": "off",
            "nodeId": "",
            "javaVersion": "17.0.15",
            "javaVendor": "Debian",
            "javaOpts": "",
            "osName": "Linux",
            "osArchitecture": "amd64",
            "osVersion": "6.1",
            "externalDirectory": "/opt/dhis2",
            "readReplicaCount": 0,
            "memoryInfo": "Mem Total in JVM: 426 Free in JVM: 215 Max Limit: 3072",
            "cpuCores": 2,
            "encryption": True,
            "emailConfigured": False,
            "redisEnabled": False,
            "systemId": "eed3d451-4ff5-4193-b951-ffcc68954299",
            "systemName": "Loopback",
            "systemMetadataVersion": "",
            "instanceBaseUrl": self.url,
            "clusterHostname": "",
            "isMetadataVersionEnabled": False,
            "lastMetadataVersionSyncAttempt": never,
            "somethingNew": 7,
        }
        if self.generation >= 43:
            document |= {"sessionTimeout": 3600, "capability": {"analyticsTotalCounts": False}}
        return Answer.of(document)

    async def _ping(self, request: Request) -> Answer:
        return Answer(200, b"pong", {"Content-Type": "text/plain"})

    async def _me(self, request: Request) -> Answer:
        me = {
            "id": "xE7jOejl9FI",
            "username": USERNAME,
            "authorities": ["ALL"],
            "dataSets": [],
            "organisationUnits": [{"id": "ImspTQPwCqd"}],
            "dataViewOrganisationUnits": [{"id": "ImspTQPwCqd"}],
        }
        fields = _fields(re.sub(r"\[length\]", "", request.first("fields")))
        return Answer.of(_picked(me, fields))

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

    def start(
        self,
        kind: str,
        messages: Sequence[str],
        finish: Callable[[], tuple[Any, str]],
        parameters: Object | None = None,
        unset: Object | None = None,
    ) -> Answer:
        """Start a job, and answer as DHIS2 does: its notifications begin with the parameters, also those not set."""
        uid = f"job{len(self.jobs):08d}"
        steps = [self._notification(kind, "INFO", text) for text in messages]
        if steps:
            steps[0] |= {"dataType": "PARAMETERS"} | ({"data": parameters | (unset or {})} if parameters else {})
        job = self.jobs[uid] = Job(uid, kind, f"{kind} ({1795852002584 + len(self.jobs)})", steps, finish, self.now())
        response = {
            "name": job.name,
            "id": uid,
            "created": job.created,
            "jobType": kind,
            "jobStatus": "NOT_STARTED",
            "jobParameters": parameters or {},
            "relativeNotifierEndpoint": f"/api/system/tasks/{kind}/{uid}",
            "responseType": "JobConfigurationWebMessageResponse",
        }
        answer = self.message(200, f"Initiated {job.name}", response=response)
        answer.headers["Location"] = f"{self.url}/api/system/tasks/{kind}"
        return answer

    def _notification(self, kind: str, level: str, text: str, *, completed: bool = False) -> Object:
        self._ticks = getattr(self, "_ticks", 0) + 1
        uid = f"n{self._ticks // 2:010d}"  # entries of one millisecond share it
        return {
            "level": level,
            "category": kind,
            "message": text,
            "completed": completed,
            "id": uid,
            "time": self.now(),
            "uid": uid,
        }

    async def _all_tasks(self, request: Request) -> Answer:
        found: dict[str, dict[str, list[Object]]] = {}
        for job in self.jobs.values():
            shown = job.steps[: job.shown]
            ends = [shown[-1], shown[0]] if len(shown) > 1 else shown
            found.setdefault(job.type, {})[job.id] = ends
        return Answer.of(found)

    async def _tasks(self, request: Request, kind: str, uid: str) -> Answer:
        job = self.jobs.get(uid)
        if job is None or job.type != kind:
            return Answer.of([])
        self._step(job)
        return Answer.of(job.steps[: job.shown][::-1])

    def _step(self, job: Job) -> None:
        if job.is_done:
            return
        if job.shown < len(job.steps):
            job.shown += 1
        elif self.is_endless:
            job.steps.append(self._notification(job.type, "LOOP", f"still at it, {job.shown}"))
            job.shown += 1
        else:
            job.is_done = True
            if self.fails_jobs:
                job.steps.append(self._notification(job.type, "ERROR", "Process failed: no disk", completed=True))
            else:
                job.summary, said = job.finish()
                if not (self.is_mute and job.type.startswith("DATA_INTEGRITY")):
                    job.steps.append(self._notification(job.type, "INFO", said, completed=True))
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

        def finish() -> tuple[Any, str]:
            for found in CHECKS:
                if found["name"] in names:
                    self.results[what][found["name"]] = self.result(found, what, started)
            return None, ""

        kind = "DATA_INTEGRITY_DETAILS" if what == "details" else "DATA_INTEGRITY"
        parameters: Object = ({"type": "SUMMARY"} if what == "summary" else {}) | {"checks": sorted(names)}
        answer = self.start(kind, [] if self.is_mute else [""], finish, parameters)
        answer.headers["Location"] = f"{self.url}{request.path.removeprefix('/dhis')}?checks={','.join(sorted(names))}"
        return answer

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
        elif what == "softDeletedDataValueRemoval":
            self.values = {key: stored for key, stored in self.values.items() if not stored.get("deleted")}
        else:
            return self.message(404, f"/api/maintenance/{what} was not found", "E1005")
        return Answer(204) if self.generation <= 42 else self.message(200)

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
        return self.start(kinds[what], messages, lambda: (None, "Process completed"))

    # --- Data values -------------------------------------------------------------------------------------------------

    async def _import_values(self, request: Request) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return self.message(415, "Unsupported media type")
        importing = ValueImport(self, request)
        rows = importing.rows
        if self.slowest_size and len(rows) > self.slowest_size:
            return Answer(413, b"<html>too large</html>", {"Content-Type": "text/html"})
        await asyncio.sleep(self.seconds_a_value * len(rows))
        if request.first("async") == "true":
            return self._start_import(importing)
        return importing.answer()

    def _start_import(self, importing: ValueImport) -> Answer:
        """Start an import as a job, with the notifications that each generation gives of it."""

        def finish() -> tuple[Any, str]:
            summary = importing.run()[0]
            count = summary["importCount"]
            counted = f"{count['imported']} created, {count['updated']} updated, {count['deleted']} deleted"
            return summary, f"Import complete with status {summary['status']}, {counted}, {count['ignored']} ignored"

        size, data_set = len(importing.rows), (importing.document or {}).get("dataSet")
        if self.generation >= 43:
            steps = [
                "Deserializing JSON data",
                f"Decoding group ds={data_set} [de= ou= pe= aoc=]({size} values)",
                f"Validating group ds={data_set} ({size} values)",
                f"Upserting group ds={data_set} ({size} values)",
            ]
        else:
            steps = [
                "Reading data set header",
                "Creating import context",
                "Loading base metadata",
                "Importing values (list)",
            ]
        texts = ["Data value set import", "Loading file resource", "Loading file content", *steps]
        unset = dict.fromkeys(("preheatCache", "filename", "notificationLevel", "dataSet"))
        return self.start("DATAVALUE_IMPORT", texts, finish, importing.options, unset)

    async def _export_values(self, request: Request, kind: str) -> Answer:
        return ValueExport(self, request).answer(kind)

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
        options = import_options(self.generation, request)
        counts = {"imported": len(taken), "ignored": len(conflicts)}
        summary = summary_of(options, status, counts, conflicts) | {"description": "Import process complete."}
        text = "Import was successful." if status == "SUCCESS" else "An error occurred, please check import summary."
        level = {"SUCCESS": "OK"}.get(status, status)
        return self.message(200 if status == "SUCCESS" else 409, text, response=summary, level=level)

    async def _completions(self, request: Request) -> Answer:
        asked = request.listed
        found = [
            {
                "period": one["period"],
                "dataSet": one["dataSet"],
                "organisationUnit": one["organisationUnit"],
                "attributeOptionCombo": one.get("attributeOptionCombo", self.default_coc),
                "date": one.get("date", self.now()[:10]),
                "storedBy": USERNAME,
                "completed": one.get("completed", True),
            }
            for one in self.completions
            if one["dataSet"] in asked("dataSet") and one["organisationUnit"] in asked("orgUnit")
        ]
        return Answer.of({"completeDataSetRegistrations": found})

    # --- What else there is ------------------------------------------------------------------------------------------

    async def _job_configurations(self, request: Request) -> Answer:
        always = {"name": "Data statistics", "jobType": "DATA_STATISTICS", "jobStatus": "SCHEDULED"}
        found = [always | {"lastExecutedStatus": "NOT_STARTED", "id": "BFa3jDsbtdO"}]
        for job in self.jobs.values():
            status = {"lastExecutedStatus": "COMPLETED" if job.is_done else "RUNNING", "lastExecuted": job.created}
            found.append({"name": job.name, "jobType": job.type, "jobStatus": "DISABLED", **status, "id": job.id})
        return Answer.of({"jobConfigurations": found})

    async def _predict(self, request: Request) -> Answer:
        return self.message(200, "Generated 0 predictions")

    async def _validation_results(self, request: Request) -> Answer:
        size = int(request.first("pageSize", "50"))
        return Answer.of({"pager": {"page": 1, "pageCount": 0, "total": 0, "pageSize": size}, "validationResults": []})


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
