"""The loopback server of the tests against what real servers of 2.42.4.1 and 2.43.0 answered to the same requests.

fixtures/server-answers.json has the shape of each answer, with identifiers made up. Where the folder of TALLYPORT_DATA
has a neighbour `reference/observed` with the answers themselves, these are compared as well; with
TALLYPORT_WRITE_GOLDENS=1 the fixture is written from them.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from support.dhis2_server import BASIC, DEFAULT_COC, Dhis2Server, issues
from support.places import DATA, FIXTURES

OBSERVED = DATA.parent / "reference" / "observed" / "answers.json.gz"
GOLDEN = FIXTURES / "server-answers.json"
SERVERS = ("2.42.4.1", "2.43.0")
LIKE = {"2.42.4.1": ("2.41.9", "2.42.4.1"), "2.43.0": ("2.43.0", "2.44.21")}
"""The servers that were seen, and the versions that answer as each of them."""

NAMES = ("dsChildren1", "deNumber001", "ouClinicA01", "cocFixed001")
OWN = ("ofLaterReleases", "somethingNew")
"""What the loopback server says beside, for fields that nobody knows."""

Entry = dict[str, Any]


def observed() -> list[Entry]:
    """What the servers answered, with the data set, element, unit and combo asked for by made-up names."""
    text = gzip.decompress(OBSERVED.read_bytes()).decode()
    row = json.loads(text)[0]["request"]["body"]["dataValues"][0]
    real = (json.loads(text)[0]["request"]["body"]["dataSet"], row["dataElement"], row["orgUnit"])
    for uid, name in zip((*real, row["categoryOptionCombo"]), NAMES, strict=True):
        text = text.replace(uid, name)
    text = re.sub(r"(system/task\w+/DATAVALUE_IMPORT/)\w+", r"\1JOB", text)
    entries: list[Entry] = json.loads(text)
    for entry in entries:
        answer = entry["answer"]
        answer["facts"], answer["shape"] = facts(answer["body"]), shape(answer.pop("body"))
        answer["location"] = bool(answer["location"])
        answer["content-type"] = answer["content-type"].partition(";")[0]
    return entries


def golden() -> list[Entry]:
    """The same from the fixture."""
    entries: list[Entry] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return entries


def shape(document: Any) -> Any:
    """What a document is made of: names and types, of lists and XML each kind of element once, of CSV the header."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in sorted(document.items()) if name not in OWN}
    if isinstance(document, list):
        kinds = {json.dumps(shape(one)) for one in document if not (isinstance(one, str) and one.endswith(" more"))}
        return [json.loads(kind) for kind in sorted(kinds)]
    if isinstance(document, str) and document.startswith("<"):
        return sorted(set(re.findall(r"<[^>]+>", re.sub(r'="[^"]*"', '=""', document))))
    if isinstance(document, str) and "\n" in document:
        return document.partition("\n")[0]
    kinds_of = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "text"}
    return kinds_of[type(document)]


def facts(document: Any) -> Any:
    """What an import came to: counts, and what each conflict is about. None where the answer is of no import."""
    summary = document.get("response", document) if isinstance(document, dict) else {}
    if not isinstance(summary, dict) or "importCount" not in summary:
        return None
    names = ("errorCode", "indexes", "object", "objects", "property")
    conflicts = [{name: one[name] for name in names if name in one} for one in summary["conflicts"]]
    return {
        "status": [document.get("status"), summary["status"]],
        "counts": summary["importCount"],
        "conflicts": conflicts,
        "rejected": summary["rejectedIndexes"],
    }


def metadata() -> dict[str, list[dict[str, Any]]]:
    """What the requests need: a monthly data set with one element, of a category combo of its own."""
    data_set, element, unit, combo = NAMES
    default = {"id": "ccDefault01"}
    member = {"dataElement": {"id": element}}
    return {
        "dataSets": [
            {
                "id": data_set,
                "periodType": "Monthly",
                "categoryCombo": default,
                "dataSetElements": [member],
                "organisationUnits": [{"id": unit}],
            }
        ],
        "dataElements": [
            {"id": element, "valueType": "NUMBER", "zeroIsSignificant": False, "categoryCombo": {"id": "ccFixed0001"}}
        ],
        "organisationUnits": [{"id": unit, "name": "Clinic"}],
        "categoryCombos": [default, {"id": "ccFixed0001"}],
        "categoryOptionCombos": [
            {"id": DEFAULT_COC, "name": "default", "categoryCombo": default, "categoryOptions": []},
            {"id": combo, "name": "Fixed", "categoryCombo": {"id": "ccFixed0001"}, "categoryOptions": []},
        ],
    }


class Asking:
    """Sends the observed requests to a loopback server, and brings jobs to their end where an answer is of one."""

    def __init__(self, server: Dhis2Server) -> None:
        self.server = server

    def __call__(self, request: Entry) -> tuple[int, str, bool, Any]:
        """Return status, content type, whether there is a location, and the body."""
        path = request["path"]
        if self.server.jobs:
            path = path.replace("/JOB", f"/{list(self.server.jobs)[-1]}")
        if request["method"] == "GET":
            self._finish_jobs()
        body = request.get("body")
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Authorization": f"Basic {BASIC}"} | ({"Content-Type": "application/json"} if data else {})
        asked = urllib.request.Request(f"{self.server.url}{path}", data, headers, method=request["method"])
        try:
            answer = urllib.request.urlopen(asked, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode()
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            return answer.status, kind, "Location" in answer.headers, json.loads(text) if "/json" in kind else text

    def _finish_jobs(self) -> None:
        for job in self.server.jobs.values():
            while not job.is_done:
                self.server._step(job)


def replayed(version: str, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Yield each answer that was seen, with that of the loopback server to the same request after the same ones."""
    with Dhis2Server(version, metadata()) as server:
        server.issues = {"orgunits_trailing_spaces": issues(3)}
        ask = Asking(server)
        ask({"method": "POST", "path": "/api/resourceTables"})  # no server was new when it was asked
        for entry in entries:
            if entry["case"] == "export with deleted ones" and entry["server"] == "2.42.4.1":
                (row,) = next(e for e in entries if e["case"] == "deleted")["request"]["body"]["dataValues"]
                again = {"dataValues": [row | {"value": "9", "deleted": False}]}  # somebody else had written then
                ask({"method": "POST", "path": "/api/dataValueSets?async=true", "body": again})
            status, kind, has_location, body = ask(entry["request"])
            answer = {"status": status, "content-type": kind, "location": has_location}
            yield entry, answer | {"facts": facts(body), "shape": shape(body)}


@pytest.mark.parametrize("source", [pytest.param(golden, id="golden"), pytest.param(observed, id="observed")])
@pytest.mark.parametrize(("seen", "version"), [(seen, like) for seen in SERVERS for like in LIKE[seen]])
def test_each_answer_is_as_the_real_server_gave_it(seen: str, version: str, source: Any) -> None:
    if source is observed and not OBSERVED.exists():
        pytest.skip(f"{OBSERVED.name} is not in {OBSERVED.parent}: set TALLYPORT_DATA to the folder beside it")
    if source is observed and os.environ.get("TALLYPORT_WRITE_GOLDENS"):
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in observed())
        GOLDEN.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    entries = [entry for entry in source() if entry["server"] == seen]
    assert len(entries) > 30
    for entry, answer in replayed(version, entries):
        wanted = dict(entry["answer"])
        if entry["case"] == "tasks":  # the real servers had done others
            assert said(answer.pop("shape")) <= said(wanted.pop("shape")), entry["case"]
        assert answer == wanted, entry["case"]


def said(tasks: Any) -> set[str]:
    """The kinds of notifications that jobs have."""
    return {json.dumps(one) for jobs in tasks.values() for job in jobs.values() for one in job}


def ask_for(server: Dhis2Server, *rows: dict[str, Any], **document: Any) -> dict[str, int]:
    """Import rows of the one data element; returns the counts."""
    member = {"dataElement": NAMES[1], "period": "202402", "orgUnit": NAMES[2], "categoryOptionCombo": NAMES[3]}
    body = {"dataSet": NAMES[0]} | document | {"dataValues": [member | row for row in rows]}
    counts = Asking(server)({"method": "POST", "path": "/api/dataValueSets", "body": body})[3]["response"][
        "importCount"
    ]
    return {name: count for name, count in counts.items() if count}


def stored(server: Dhis2Server) -> Any:
    """What the one value is, None where there is none."""
    return next(iter(server.values.values()), None)


@pytest.fixture
def old() -> Iterator[Dhis2Server]:
    with Dhis2Server("2.42.4.1", metadata()) as server:
        yield server


@pytest.fixture
def new() -> Iterator[Dhis2Server]:
    with Dhis2Server("2.43.0", metadata()) as server:
        yield server


def test_2_42_clears_what_a_row_does_not_state_and_trims(old: Dhis2Server) -> None:
    assert ask_for(old, {"value": "5", "comment": " hello ", "followup": True, "followUp": False}) == {"imported": 1}
    assert stored(old) == {"value": "5", "comment": "hello", "followup": True}
    assert ask_for(old, {"value": "5"}) == {"updated": 1}
    assert stored(old) == {"value": "5", "followup": False}
    assert ask_for(old, {"value": "5", "comment": ""}) == {"ignored": 1}


def test_2_42_deletes_a_value_with_its_comment_and_keeps_no_insignificant_zero(old: Dhis2Server) -> None:
    assert ask_for(old, {"value": "0"}) == {"ignored": 1}
    assert stored(old) is None
    ask_for(old, {"value": "5", "comment": "hello"})
    assert ask_for(old, {"value": "5", "deleted": True}) == {"deleted": 1}
    assert stored(old) == {"value": "5", "followup": False, "deleted": True}
    assert ask_for(old, {"value": "5", "deleted": True}) == {"imported": 1}
    assert ask_for(old, {"deleted": True}) == {"ignored": 1}
    ask_for(old, {"value": "5"})
    assert ask_for(old, {"value": "0.0"}) == {"deleted": 1}


def test_2_42_is_strict_only_where_it_is_asked_to_be(old: Dhis2Server) -> None:
    default = {"value": "5", "categoryOptionCombo": DEFAULT_COC}
    assert ask_for(old, default) == {"imported": 1}
    member = {"dataElement": NAMES[1], "period": "202402", "orgUnit": NAMES[2]}
    body = {"dataSet": NAMES[0], "dataValues": [member | default]}
    path = "/api/dataValueSets?strictCategoryOptionCombos=true"
    conflicts = Asking(old)({"method": "POST", "path": path, "body": body})[3]["response"]["conflicts"]
    assert [(one["errorCode"], one["indexes"]) for one in conflicts] == [("E7634", [0])]


def test_2_43_clears_what_a_row_does_not_state_and_stores_texts_as_they_come(new: Dhis2Server) -> None:
    assert ask_for(new, {"value": "5", "comment": " hello ", "followUp": True, "followup": False}) == {"updated": 1}
    assert stored(new) == {"value": "5", "comment": " hello ", "followup": True}
    ask_for(new, {"value": "0", "comment": ""})
    assert stored(new) == {"value": "0", "comment": ""}
    ask_for(new, {"deleted": True})
    assert stored(new) == {"deleted": True}


def test_2_43_sets_the_values_of_a_scope_to_nothing(new: Dhis2Server) -> None:
    ask_for(new, {"value": "5", "comment": "hello"})
    element = {"dataElement": NAMES[1], "categoryOptionCombo": NAMES[3]}
    scope = {"periods": ["202402"], "orgUnits": [NAMES[2]], "elements": [element]}
    assert ask_for(new, deletion=scope) == {"deleted": 1}
    assert stored(new) == {"comment": "hello", "deleted": True}
