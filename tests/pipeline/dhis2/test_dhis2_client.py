"""The client of DHIS2's Web API, against a server of each version: connecting, jobs, data integrity, maintenance."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.dhis2_http import Fault
from support.dhis2_running import QUICK, combos, profile_of, talk
from support.dhis2_server import BASIC, BEARER, CHECKS, PASSWORD, TOKEN, USERNAME, VERSIONS, Dhis2Server, issues
from support.places import ROOT
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.api.models import (
    ImportSummary,
    IntegrityReport,
    IssueSeverity,
    JobReference,
    Notification,
    OptionCombosReport,
    WebMessage,
    matrix,
)
from tallyport.dhis2.api.profiles import Credentials, find_profile
from tallyport.dhis2.client import Client, open_client
from tallyport.dhis2.maintenance.integrity import NoSuchCheck
from tallyport.dhis2.maintenance.issue_stream import IntegrityRow
from tallyport_schemas.finding import Finding, SourceUnreadable

WARNINGS = "orgunits_trailing_spaces"


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Dhis2Server]:
    """A server of each version."""
    with Dhis2Server(request.param, combos()) as running:
        yield running


@pytest.fixture
def latest() -> Iterator[Dhis2Server]:
    """A server of the latest version, for what does not differ between them."""
    with Dhis2Server(metadata=combos()) as running:
        yield running


def failure(work: Callable[[], Any]) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        work()
    return caught.value


# Connecting


def test_the_version_is_found_out_and_what_is_not_known_is_kept(server: Dhis2Server) -> None:
    async def work(client: Client) -> None:
        assert client.version == (2, server.generation)
        assert client.info.version == server.version
        assert (client.info.context_path, client.info.server_time_zone_id) == (server.url, "Etc/UTC")
        assert client.info.model_extra is not None
        assert client.info.model_extra["somethingNew"] == 7
        database = client.info.as_json()["databaseInfo"]
        assert isinstance(database, dict)
        assert database["spatialSupport"] is True
        me = await client.me()
        assert (me.id, me.username, me.authorities) == ("xE7jOejl9FI", USERNAME, ("ALL",))

    talk(server, work)


def test_the_canonical_url_is_learnt_from_a_redirect_and_asked_from_then_on(server: Dhis2Server) -> None:
    async def work(client: Client) -> str:
        await client.me()
        return client.url

    assert talk(server, work, url=f"http://127.0.0.1:{server.port}") == server.url
    paths = [request.path for request in server.requests]
    assert paths == ["/api/system/info", "/dhis/api/system/info", "/dhis/api/me"]


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (Credentials("basic", PASSWORD, USERNAME), f"Basic {BASIC}"),
        (Credentials("token", TOKEN), f"ApiToken {TOKEN}"),
        (Credentials("bearer", BEARER), f"Bearer {BEARER}"),
    ],
)
def test_each_kind_of_credentials_lets_one_in(credentials: Credentials, header: str, latest: Dhis2Server) -> None:
    async def work(client: Client) -> str | None:
        return (await client.me()).username

    assert talk(latest, work, credentials=credentials) == USERNAME
    assert {request.headers["authorization"] for request in latest.requests} == {header}
    assert credentials.secret not in repr(profile_of(latest, credentials=credentials))


async def _nothing(client: Client) -> None:
    del client


@pytest.mark.parametrize(
    ("credentials", "told"),
    [(None, "led to the login page /dhis/login/"), (Credentials("token", "d2pat_wrong"), "401 Unauthorized")],
)
def test_missing_and_wrong_credentials_are_told_without_showing_them(
    credentials: Credentials | None, told: str, server: Dhis2Server
) -> None:
    failed = failure(lambda: talk(server, _nothing, credentials=credentials))
    assert failed.finding.code == "TP853"
    assert failed.finding.source == f"GET {server.url}/api/system/info"
    assert told in (failed.finding.found or "")
    assert "d2pat_wrong" not in str(failed.finding)


def test_a_server_that_is_too_old_is_refused() -> None:
    with Dhis2Server("2.40.3") as old:
        failed = failure(lambda: talk(old, _nothing))
        assert (failed.finding.code, failed.finding.found) == ("TP859", "2.40.3")


def test_a_client_opens_by_a_url_and_settings_too(latest: Dhis2Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYPORT_PROFILES", "there-is-none.toml")

    async def opened() -> str:
        async with open_client(latest.url, token=TOKEN) as client:
            return client.info.version

    assert asyncio.run(opened()) == latest.version


def test_credentials_never_follow_a_redirect_to_another_host(latest: Dhis2Server) -> None:
    with Dhis2Server() as other:
        latest.fail(Fault("redirect", "/api/me", target=f"{other.url}/api/me"))
        failed = failure(lambda: talk(latest, lambda client: client.me()))
        assert failed.finding.code == "TP858"
        assert f"127.0.0.1:{other.port}" in (failed.finding.found or "")
        assert not other.requests


def test_a_redirect_that_would_turn_a_post_into_a_get_is_an_error(latest: Dhis2Server) -> None:
    latest.fail(Fault("redirect", "/cacheClear", target=f"{latest.url}/api/maintenance/cacheClear"))
    assert failure(lambda: talk(latest, lambda client: client.maintenance.clear_cache())).finding.code == "TP858"
    assert latest.cleared == 0


def test_what_reads_is_repeated_after_a_reset_and_what_works_is_not(latest: Dhis2Server) -> None:
    latest.fail(Fault("reset", "/api/me"))
    assert talk(latest, lambda client: client.me()).username == USERNAME
    latest.fail(Fault("lose", "/cacheClear"))
    failed = failure(lambda: talk(latest, lambda client: client.maintenance.clear_cache()))
    assert failed.finding.code == "TP852"
    assert latest.cleared == 1


def test_work_that_a_proxy_lost_sight_of_is_not_repeated(latest: Dhis2Server) -> None:
    latest.fail(Fault("status", "/cacheClear", status=504))
    assert failure(lambda: talk(latest, lambda client: client.maintenance.clear_cache())).status == 504
    assert len(latest.asked("cacheClear")) == 1
    latest.fail(Fault("status", "/api/me", status=504))
    assert talk(latest, lambda client: client.me()).username == USERNAME


def test_work_that_the_server_did_not_take_is_repeated(latest: Dhis2Server) -> None:
    latest.fail(Fault("status", "/cacheClear", status=503, headers={"Retry-After": "0"}))
    talk(latest, lambda client: client.maintenance.clear_cache())
    assert (latest.cleared, len(latest.asked("cacheClear"))) == (1, 2)


def test_a_collection_is_read_page_by_page(server: Dhis2Server) -> None:
    server.metadata.collections["organisationUnits"] = [
        {"id": f"orgUnit{number:04d}", "name": "x"} for number in range(25)
    ]

    async def work(client: Client) -> list[Any]:
        return [(len(page), total) async for page, total in client.pages("organisationUnits", "id", page_size=10)]

    assert talk(server, work) == [(10, 25), (10, 25), (5, 25)]
    assert {request.first("fields") for request in server.asked("organisationUnits")} == {"id"}


def test_an_error_names_the_request_the_status_and_what_dhis2_says(server: Dhis2Server) -> None:
    async def work(client: Client) -> None:
        await client.maintenance.incomplete_category_combos("comboOfNone")

    failed = failure(lambda: talk(server, work))
    assert failed.status == 404
    assert failed.finding.source == f"GET {server.url}/api/categoryCombos/comboOfNone"
    assert failed.finding.found == "404 Not Found: E1005 categoryCombos with id comboOfNone could not be found."


def test_the_example_of_the_documentation_runs(
    latest: Dhis2Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    toml, python = (page.partition(f"```{language}\n")[2].partition("```")[0] for language in ("toml", "python"))
    toml = toml.replace("https://hmis.example.org", latest.url).replace("d2pat_...", TOKEN)
    monkeypatch.setenv("TALLYPORT_PROFILES", str(profiles(tmp_path, toml)))
    (tmp_path / "example.py").write_text(python, encoding="utf-8")
    latest.issues = {WARNINGS: issues(2)}
    runpy.run_path(str(tmp_path / "example.py"))
    said = capsys.readouterr().out.splitlines()
    assert f"{WARNINGS} WARNING 2" in said
    assert f"{WARNINGS} it 0" in said
    assert said[-1] == "Process completed"


# Profiles


def profiles(folder: Path, text: str) -> Path:
    path = folder / "profiles.toml"
    path.write_text(text, encoding="utf-8")
    return path


TWO = f"""
default = "play"

[profiles.play]
url = "https://play.example.org/dev/api/"
username = "admin"
password = "{PASSWORD}"
timeout_s = 20

[profiles.country]
url = "https://hmis.example.org"
token = "{TOKEN}"
"""


def test_a_profile_comes_from_the_file_the_default_where_none_is_named(tmp_path: Path) -> None:
    path = profiles(tmp_path, TWO)
    play = find_profile(file=path, environment={})
    assert (play.name, play.url, play.timeout_s) == ("play", "https://play.example.org/dev", 20)
    assert play.credentials == Credentials("basic", PASSWORD, "admin")
    country = find_profile("country", file=path, environment={})
    assert (country.url, country.credentials) == ("https://hmis.example.org", Credentials("token", TOKEN))
    assert find_profile(file=path, environment={"TALLYPORT_PROFILE": "country"}).name == "country"


def test_the_file_lies_in_the_platforms_folder_for_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import platformdirs

    monkeypatch.delenv("TALLYPORT_PROFILES", raising=False)
    folder = tmp_path / "settings"
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name, **_: folder / name)
    (folder / "tallyport").mkdir(parents=True)
    profiles(folder / "tallyport", TWO)
    assert find_profile("country", environment={}).url == "https://hmis.example.org"


def test_options_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    path = profiles(tmp_path, TWO)
    around = {"DHIS2_TIMEOUT_S": "7", "TALLYPORT_RETRIES": "9", "DHIS2_RETRIES": "8"}
    found = find_profile(file=path, environment=around)
    assert (found.timeout_s, found.retries, found.url) == (7, 9, "https://play.example.org/dev")
    found = find_profile(file=path, environment=around, timeout_s=3)
    assert (found.timeout_s, found.retries) == (3, 9)
    both = {"DHIS2_URL": "https://d.example.org", "DHIS2_USERNAME": "d", "DHIS2_PASSWORD": "x"}
    ours = {"TALLYPORT_URL": "https://t.example.org", "TALLYPORT_TOKEN": "t"}
    assert find_profile(file=path, environment=both).credentials == Credentials("basic", "x", "d")
    found = find_profile(file=path, environment=both | ours)
    assert (found.url, found.credentials) == ("https://t.example.org", Credentials("token", "t"))


@pytest.mark.parametrize("base", ["https://hmis.example.org", "https://hmis.example.org/dhis", "https://host/api/hmis"])
@pytest.mark.parametrize(
    "behind",
    [
        "/api",
        "/api/",
        "/api/40",
        "/api/dataValueSets",
        "/api/42/dataValueSets.json",
        "/api/system/info",
        "/dhis-web-dashboard/index.html",
        "/dhis-web-dashboard/#/Nghq4mwPbhQ",
        "/dhis-web-commons/security/login.action",
        "/login/",
        "/index.html",
    ],
)
def test_any_address_of_a_server_is_understood(base: str, behind: str, tmp_path: Path) -> None:
    if base.endswith("/api/hmis") and "/api" not in behind:
        pytest.skip("an api in the context path is kept only before another one")
    assert find_profile(environment={}, url=base + behind, token=TOKEN).url == base
    text = f'[profiles.one]\nurl = "{base + behind}"\ntoken = "{TOKEN}"\n'
    assert find_profile("one", file=profiles(tmp_path, text), environment={}).url == base


def test_a_server_is_talked_to_by_any_address_of_it(server: Dhis2Server) -> None:
    async def work(client: Client) -> str:
        await client.me()
        return client.url

    assert talk(server, work, url=f"{server.url}/api/40") == server.url
    assert talk(server, work, url=f"{server.url}/dhis-web-dashboard/index.html") == server.url


def test_an_address_that_is_none_of_dhis2_is_told_as_that(latest: Dhis2Server) -> None:
    latest.fail(Fault("status", "/system/info", status=404, times=9))
    with pytest.raises(RequestFailed) as caught:
        talk(latest, lambda client: client.me())
    assert (caught.value.finding.code, caught.value.status) == ("TP857", 404)
    assert "such as https://host/dhis" in str(caught.value.finding.help)


def test_the_files_credentials_go_to_no_other_server_than_theirs(tmp_path: Path) -> None:
    path = profiles(tmp_path, TWO)
    with pytest.raises(ValueError, match=r"are for https://play\.example\.org") as caught:
        find_profile("play", file=path, environment={}, url="https://evil.example.org")
    assert PASSWORD not in str(caught.value)
    own = find_profile("play", file=path, environment={}, url="https://evil.example.org", token="other")
    assert own.credentials == Credentials("token", "other")
    same = find_profile("play", file=path, environment={}, url="https://play.example.org/stable")
    assert same.credentials == Credentials("basic", PASSWORD, "admin")


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("nobody", {}, "there is no profile nobody in profiles.toml; there are: country, play"),
        (None, {"url": "ftp://host"}, "the server's URL is none"),
        (None, {"url": f"https://admin:{PASSWORD}@host"}, "holds credentials"),
        (
            None,
            {"url": f"https://host/dhis?password={PASSWORD}"},
            "has something after its path: https://host/dhis is",
        ),
        (None, {"url": f"ftp://host/dhis?password={PASSWORD}"}, "the server's URL is none"),
        (None, {"url": "https://host", "username": "admin"}, "the options lack the password"),
        (None, {"url": "https://host", "token": "a", "bearer": "b"}, "several credentials"),
        (None, {"url": "https://host", "timeout_s": 0}, "timeouts are more than 0"),
        (None, {"url": "https://host", "timeout_s": "soon"}, "timeout_s is no number"),
        (None, {"speed": 1}, "unknown settings: speed"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(
    name: str | None, options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        find_profile(name, file=profiles(tmp_path, TWO), environment={}, **options)
    assert PASSWORD not in str(caught.value)


def test_a_file_that_cannot_be_read_is_told_without_its_secrets(tmp_path: Path) -> None:
    path = profiles(tmp_path, f'[profiles.play]\npassword = "{PASSWORD}\n')
    with pytest.raises(SourceUnreadable) as caught:
        find_profile("play", file=path, environment={})
    assert caught.value.finding.code == "TP862"
    assert PASSWORD not in str(caught.value.finding)


# Jobs


def test_a_job_is_followed_each_of_its_notifications_once_and_in_order(server: Dhis2Server) -> None:
    async def work(client: Client) -> list[Notification]:
        job = await client.maintenance.refresh_analytics(last_years=2, skip=["Events"])
        assert (job.job_type, job.job_status) == ("ANALYTICS_TABLE", "NOT_STARTED")
        assert (job.name or "").startswith("ANALYTICS_TABLE (")
        assert job.model_extra is not None
        assert job.model_extra["relativeNotifierEndpoint"].endswith(job.id)
        return [said async for said in client.tasks.iter_notifications(job)]

    said = talk(server, work)
    assert [one.message for one in said] == [
        "Performing init",
        "Analytics tables updating",
        "Swapping tables",
        "Process completed",
    ]
    assert [one.completed for one in said] == [False, False, False, True]
    assert {(one.level, one.category) for one in said} == {("INFO", "ANALYTICS_TABLE")}
    (request,) = server.asked("resourceTables/analytics")
    assert (request.method, request.query) == ("POST", {"skipEvents": ["true"], "lastYears": ["2"]})


def test_an_analytics_part_that_there_is_not_is_refused(latest: Dhis2Server) -> None:
    with pytest.raises(ValueError, match="Programs is none of ResourceTables"):
        talk(latest, lambda client: client.maintenance.refresh_analytics(skip=["Programs"]))


@pytest.mark.parametrize(
    ("start", "kind"),
    [("refresh_resource_tables", "RESOURCE_TABLE"), ("refresh_monitoring", "MONITORING")],
)
def test_other_jobs_are_started_and_watched_to_their_end(start: str, kind: str, server: Dhis2Server) -> None:
    said: list[str | None] = []

    async def work(client: Client) -> Notification:
        job: JobReference = await getattr(client.maintenance, start)()
        assert job.job_type == kind
        return await client.tasks.await_completion(job, watch=lambda one: said.append(one.message))

    last = talk(server, work)
    assert (last.completed, last.message) == (True, "Process completed")
    assert said[-1] == "Process completed"
    assert len(said) == 4


def test_a_job_that_fails_is_an_error_with_its_own_words(server: Dhis2Server) -> None:
    server.fails_jobs = True

    async def work(client: Client) -> None:
        job = await client.maintenance.refresh_resource_tables()
        await client.tasks.await_completion(job)

    failed = failure(lambda: talk(server, work))
    assert (failed.finding.code, failed.finding.found) == ("TP861", "Process failed: no disk")


def test_a_job_without_an_end_is_given_up_in_time(server: Dhis2Server) -> None:
    server.is_endless = True
    said: list[Notification] = []

    async def work(client: Client) -> None:
        job = await client.maintenance.refresh_analytics()
        await client.tasks.await_completion(job, timeout_s=0.3, watch=said.append)

    failed = failure(lambda: talk(server, work))
    assert (failed.finding.code, failed.finding.found) == ("TP860", "still running after 0.3 s")
    assert {one.level for one in said} == {"INFO", "LOOP"}


def test_looks_at_a_job_that_says_nothing_become_rarer() -> None:
    waits = QUICK.waits()
    assert [round(next(waits), 4) for _ in range(6)] == [0.01, 0.015, 0.0225, 0.0338, 0.05, 0.05]


def test_a_jobs_summary_is_typed_and_none_until_it_is_there(server: Dhis2Server) -> None:
    async def work(client: Client) -> tuple[ImportSummary | None, ImportSummary | None]:
        document = {"dataValues": [{"dataElement": "deElement01", "period": "x", "orgUnit": "o", "value": "1"}]}
        reply = await client.connection.post("dataValueSets", {"async": "true"}, json=document)
        job = JobReference.model_validate(reply.message().response)
        before = await client.tasks.import_summary(job)
        await client.tasks.await_completion(job)
        return before, await client.tasks.import_summary(job)

    before, summary = talk(server, work)
    assert before is None
    assert summary is not None
    assert summary.status in ("ERROR", "WARNING")
    assert [bool(conflict.culprit and conflict.error_code) for conflict in summary.conflicts] == [True]
    assert summary.model_extra is not None
    assert "importOptions" in summary.model_extra


# Data integrity


def test_checks_are_listed_with_all_that_is_known_of_them(server: Dhis2Server) -> None:
    checks = talk(server, lambda client: client.maintenance.list_checks())
    assert [check.name for check in checks] == [check["name"] for check in CHECKS]
    first = checks[0]
    assert (first.severity, first.section, first.code) == (IssueSeverity.CRITICAL, "Organisation units", "OO")
    assert (first.is_slow, checks[-1].is_slow, first.average_execution_time) == (False, True, 12)
    assert first.model_extra == {"ofLaterReleases": {"some": "thing"}}


def test_a_severity_of_a_later_release_is_kept_and_hidden_by_no_filter(latest: Dhis2Server) -> None:
    latest.answer_checks = [{**CHECKS[0], "severity": "FATAL"}, CHECKS[1]]
    chosen = talk(latest, lambda client: client.maintenance.select_checks(severity=IssueSeverity.CRITICAL))
    assert [(check.name, check.severity) for check in chosen] == [("orgunits_orphaned", "FATAL")]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"checks": ["orgunits-orphaned"]}, ["orgunits_orphaned"]),
        ({"checks": ["OTS"]}, [WARNINGS]),
        ({"checks": ["orgunits_*", "OO"]}, ["orgunits_orphaned", WARNINGS]),
        ({"section": "categories"}, ["cocs_wrong_cardinality", "categories_no_options"]),
        ({"severity": IssueSeverity.SEVERE}, ["orgunits_orphaned", "cocs_wrong_cardinality"]),
        ({"section": "Option sets", "severity": IssueSeverity.SEVERE}, []),
    ],
)
def test_checks_are_chosen_by_name_pattern_code_section_and_severity(
    choice: dict[str, Any], expected: list[str], latest: Dhis2Server
) -> None:
    chosen = talk(latest, lambda client: client.maintenance.select_checks(**choice))
    assert [check.name for check in chosen] == expected


@pytest.mark.parametrize("choice", [{"checks": ["nope"]}, {"section": "nope"}])
def test_a_check_or_section_that_there_is_not_is_an_error_and_not_all_checks(
    choice: dict[str, Any], latest: Dhis2Server
) -> None:
    with pytest.raises(NoSuchCheck, match="nope"):
        talk(latest, lambda client: client.maintenance.get_integrity_report(**choice))
    assert not latest.asked("/details")


def test_a_choice_that_leaves_no_check_asks_for_none(latest: Dhis2Server) -> None:
    choice: dict[str, Any] = {"section": "Option sets", "severity": IssueSeverity.SEVERE}
    latest.fill_cache()

    async def work(client: Client) -> tuple[IntegrityReport, list[IntegrityRow]]:
        rows = [row async for row in client.maintenance.iter_integrity_issues(**choice)]
        with pytest.raises(NoSuchCheck, match="no check to run"):
            await client.maintenance.run_integrity(**choice)
        return await client.maintenance.get_integrity_report(**choice), rows

    report, rows = talk(latest, work)
    assert (dict(report.results), rows, report.missing) == ({}, [], ())
    assert not latest.asked("/details")


@pytest.mark.parametrize("details", [True, False])
def test_a_run_is_waited_for_and_its_report_typed(details: bool, server: Dhis2Server) -> None:
    server.issues = {WARNINGS: issues(3), "orgunits_orphaned": issues(1)}
    server.crashing = {"cocs_wrong_cardinality"}

    async def work(client: Client) -> IntegrityReport:
        job = await client.maintenance.run_integrity(details=details)
        assert job.job_type == ("DATA_INTEGRITY_DETAILS" if details else "DATA_INTEGRITY")
        return await client.maintenance.get_integrity_report(details=details)

    report = talk(server, work)
    assert set(report.results) == {check["name"] for check in CHECKS if not check["isSlow"]}
    found = report.results[WARNINGS]
    assert (found.display_name, found.severity) == ("Orgunits trailing spaces", IssueSeverity.WARNING)
    assert (found.section, found.code) == ("Organisation units", "OTS")
    assert found.issue_count == 3
    assert found.start_time is not None
    assert found.finished_time is not None
    assert found.start_time <= found.finished_time
    assert found.average_execution_time == 12
    assert found.percentage == (None if details else 1.5)
    if details:
        assert found.issues is not None
        assert [(one.id, one.name, one.comment, one.refs) for one in found.issues][1] == (
            "i0000000001",
            "it 1",
            "odd",
            (),
        )
    else:
        assert found.issues is None
    assert report.results["cocs_wrong_cardinality"].has_crashed
    assert [(gap.code, gap.source, gap.found) for gap in report.gaps()] == [
        ("TP863", "cocs_wrong_cardinality", "relation does not exist")
    ]


def test_a_run_waits_for_results_of_its_own_though_older_ones_are_there(server: Dhis2Server) -> None:
    server.fill_cache(ago_s=600)
    server.issues = {WARNINGS: issues(7)}

    async def work(client: Client) -> IntegrityReport:
        await client.maintenance.run_integrity([WARNINGS])
        return await client.maintenance.get_integrity_report([WARNINGS])

    assert talk(server, work).results[WARNINGS].issue_count == 7


def test_slow_checks_run_on_demand_only(server: Dhis2Server) -> None:
    slow = CHECKS[-1]["name"]

    async def work(client: Client) -> IntegrityReport:
        await client.maintenance.run_integrity()
        before = await client.maintenance.get_integrity_report([slow])
        assert (before.missing, before.gaps()[0].code) == ((slow,), "TP864")
        await client.maintenance.run_integrity([slow])
        return await client.maintenance.get_integrity_report([slow])

    report = talk(server, work)
    assert (list(report.results), report.missing) == ([slow], ())


def test_a_run_need_not_be_waited_for(server: Dhis2Server) -> None:
    async def work(client: Client) -> IntegrityReport:
        await client.maintenance.run_integrity(wait=False)
        return await client.maintenance.get_integrity_report()

    report = talk(server, work)
    assert not report.results
    assert len(report.missing) == len(CHECKS) - 1


def test_a_run_without_an_end_is_given_up_in_time(server: Dhis2Server) -> None:
    server.is_endless = True
    failed = failure(lambda: talk(server, lambda client: client.maintenance.run_integrity(timeout_s=0.2)))
    assert failed.finding.code == "TP860"


def test_a_run_that_fails_is_an_error(server: Dhis2Server) -> None:
    server.fails_jobs = True
    failed = failure(lambda: talk(server, lambda client: client.maintenance.run_integrity()))
    assert (failed.finding.code, failed.finding.found) == ("TP861", "Process failed: no disk")


def test_a_result_of_null_is_none(latest: Dhis2Server) -> None:
    body = json.dumps({"orgunits_orphaned": None, WARNINGS: {**CHECKS[1], "issues": issues(1)}}).encode()
    answer = Fault("status", "/details", status=200, body=body, headers={"Content-Type": "application/json"}, times=2)
    latest.fail(answer)

    async def work(client: Client) -> tuple[IntegrityReport, int]:
        report = await client.maintenance.get_integrity_report(["orgunits_*"])
        return report, len([row async for row in client.maintenance.iter_integrity_issues(["orgunits_*"])])

    report, count = talk(latest, work)
    assert (list(report.results), report.missing, count) == ([WARNINGS], ("orgunits_orphaned",), 1)


def test_issues_are_flat_rows_with_their_check(server: Dhis2Server) -> None:
    odd = {"id": "x", "name": None, "comment": 'a "}],', "refs": ["p", "q"], "new": {"deep": [1, {"a": 2.5}]}}
    server.issues = {WARNINGS: [*issues(2), odd], "categories_no_options": issues(1)}
    server.crashing = {"cocs_wrong_cardinality"}
    server.fill_cache()
    told: list[Finding] = []

    async def work(client: Client) -> list[dict[str, Any]]:
        return [row.as_json() async for row in client.maintenance.iter_integrity_issues(tell=told.append)]

    rows = talk(server, work)
    assert rows[0] == {
        "check": WARNINGS,
        "displayName": "Orgunits trailing spaces",
        "section": "Organisation units",
        "severity": "WARNING",
        "id": "i0000000000",
        "name": "it 0",
        "comment": "odd",
        "refs": [],
    }
    assert (rows[2]["comment"], rows[2]["refs"], rows[2]["new"]) == (odd["comment"], odd["refs"], odd["new"])
    assert [row["check"] for row in rows] == [WARNINGS] * 3 + ["categories_no_options"]
    assert [found.code for found in told] == ["TP863"]


def test_issues_are_those_of_the_report(server: Dhis2Server) -> None:
    server.issues = {check["name"]: issues(5, check["name"]) for check in CHECKS}
    server.fill_cache()

    async def work(client: Client) -> tuple[IntegrityReport, list[IntegrityRow]]:
        rows = [row async for row in client.maintenance.iter_integrity_issues(severity=IssueSeverity.WARNING)]
        return await client.maintenance.get_integrity_report(severity=IssueSeverity.WARNING), rows

    report, rows = talk(server, work)
    expected = [(name, one) for name, result in report.results.items() for one in result.issues or ()]
    assert [(row.check, row.issue) for row in rows] == expected
    assert len(rows) == 25


def test_checks_without_results_are_told_of_where_issues_are_asked_for(server: Dhis2Server) -> None:
    told: list[Finding] = []

    async def work(client: Client) -> None:
        async for _ in client.maintenance.iter_integrity_issues(tell=told.append):
            raise AssertionError

    talk(server, work)
    assert [found.code for found in told] == ["TP864"]
    assert "orgunits_orphaned" in (told[0].found or "")


# Maintenance


def test_option_combos_are_made_and_waited_for(server: Dhis2Server) -> None:
    server.cocs_wait = 2

    async def work(client: Client) -> None:
        maintenance = client.maintenance
        before = await maintenance.incomplete_category_combos()
        assert [(state.id, state.present, state.expected) for state in before] == [
            ("comboSexAge", 0, 4),
            ("comboOfSex0", 0, 2),
        ]
        message = await maintenance.update_category_option_combos("comboSexAge")
        assert message.status == "OK"
        assert await maintenance.incomplete_category_combos("comboSexAge", timeout_s=1) == []
        message = await maintenance.update_category_option_combos()
        assert message == WebMessage() if server.generation <= 42 else message.status == "OK"
        assert await maintenance.incomplete_category_combos(timeout_s=1) == []

    talk(server, work)


def test_option_combos_that_stay_missing_are_findings_in_time(server: Dhis2Server) -> None:
    async def work(client: Client) -> None:
        states = await client.maintenance.incomplete_category_combos("comboSexAge", timeout_s=0.1)
        (found,) = OptionCombosReport(None, states).findings
        assert found.code == "TP865"
        assert (found.source, found.found) == ("category combo Sex and age", "0 option combos")

    talk(server, work)


def test_a_name_that_is_no_identifier_does_not_become_part_of_a_url(latest: Dhis2Server) -> None:
    with pytest.raises(ValueError, match="no identifier"):
        talk(latest, lambda client: client.maintenance.update_category_option_combos("../cacheClear"))
    assert not latest.asked("maintenance")


def test_an_error_under_status_200_is_one(latest: Dhis2Server) -> None:
    body = json.dumps({"status": "ERROR", "message": "it did not work", "errorCode": "E1"}).encode()
    latest.fail(Fault("status", "/cacheClear", status=200, body=body, headers={"Content-Type": "application/json"}))
    failed = failure(lambda: talk(latest, lambda client: client.maintenance.clear_cache()))
    assert (failed.finding.code, failed.finding.found) == ("TP855", "E1 it did not work")


def test_the_cache_is_cleared(server: Dhis2Server) -> None:
    talk(server, lambda client: client.maintenance.clear_cache())
    assert server.cleared == 1


def test_option_combos_of_options_that_are_gone_do_not_count() -> None:
    categories = [{"categoryOptions": [{"id": "a"}, {"id": "b"}]}, {"categoryOptions": [{"id": "c"}]}]
    made = [{"categoryOptions": [{"id": first}, {"id": "c"}]} for first in ("a", "gone")]
    state = matrix({"id": "x", "categories": categories, "categoryOptionCombos": made})
    assert (state.expected, state.present) == (2, 1)
