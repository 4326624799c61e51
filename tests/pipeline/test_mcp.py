"""`tallyport mcp`, driven over standard input and output by the protocol's own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from support import running
from support.checking import check_against
from support.dhis2_running import combos
from support.dhis2_server import CHECKS, SECRETS, TOKEN, Dhis2Server, issues
from support.places import SAMPLES
from support.running import check_whole
from tallyport.cli import main

WRITING = {
    "convert",
    "integrity_run",
    "maintenance_refresh_analytics",
    "maintenance_update_category_option_combos",
    "table",
}


@pytest.fixture
def server() -> Iterator[Dhis2Server]:
    with Dhis2Server(metadata=combos()) as loopback:
        loopback.issues = {"orgunits_trailing_spaces": issues(150)}
        loopback.crashing = {"cocs_wrong_cardinality"}
        loopback.fill_cache()
        yield loopback


class Conversation:
    """One start of the program, what it answers, and what it prints besides."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a tool answers; fails if that is an error."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        document = result.structured_content
        assert isinstance(document, dict)
        self._search(document)
        return document

    async def fail(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The finding that a tool fails with."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error
        text = result.content[0].text  # type: ignore[union-attr]
        self._search(text)
        found: dict[str, Any] = json.loads(text[text.index("{") :])
        return found

    @staticmethod
    def _search(said: Any) -> None:
        assert not any(secret in json.dumps(said) for secret in SECRETS)


def converse(
    talk: Callable[[Conversation], Awaitable[None]], url: str, folder: Path, *options: str, token: str = TOKEN
) -> None:
    """Start the program in a folder, talk to it, end it."""
    errors = folder / "stderr.txt"
    line = running.command("mcp", "--url", url, "--timeout", "5", *options)
    environment = running.environment({"TALLYPORT_TOKEN": token, "TALLYPORT_RETRIES": "0"})
    started = StdioServerParameters(command=line[0], args=line[1:], env=environment, cwd=folder)

    async def talking() -> None:
        with errors.open("w") as log:
            async with Client(stdio_client(started, errlog=log), read_timeout_seconds=60) as client:
                await talk(Conversation(client))

    asyncio.run(talking())
    said = errors.read_text()
    assert "Traceback" not in said
    assert not any(secret in said for secret in SECRETS)


def test_tools_say_what_they_do_and_which_of_them_write(server: Dhis2Server, tmp_path: Path) -> None:
    async def talk(conversation: Conversation) -> None:
        tools = {tool.name: tool for tool in (await conversation.client.list_tools()).tools}
        assert tools.keys() > WRITING
        for name, tool in tools.items():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint == (name not in WRITING)
            assert tool.description is not None
            assert tool.description.startswith("WRITES: " if name in WRITING else "Reads only: ")
            assert ("--allow-writes" in tool.description) == (name in WRITING)
        severity = tools["integrity_issues"].input_schema
        assert "CRITICAL" in json.dumps(severity)

    converse(talk, server.url, tmp_path)


def test_reading_tools_answer_from_the_server(server: Dhis2Server, tmp_path: Path) -> None:
    async def talk(conversation: Conversation) -> None:
        info = await conversation.ask("server_info")
        assert (info["system"]["version"], info["user"]["username"]) == (server.version, "admin")
        checks = (await conversation.ask("integrity_list_checks"))["checks"]
        assert [check["check"] for check in checks] == [check["name"] for check in CHECKS]
        report = await conversation.ask("integrity_report", severity="WARNING")
        counts = {check["check"]: check["count"] for check in report["checks"]}
        assert counts["orgunits_trailing_spaces"] == 150
        assert [found["code"] for found in report["findings"]] == ["TP863"]
        found = await conversation.ask("integrity_issues", checks=["orgunits_*"])
        assert (len(found["issues"]), found["complete"]) == (100, False)
        found = await conversation.ask("integrity_issues", checks=["orgunits_*"], limit=1000)
        assert (len(found["issues"]), found["complete"]) == (150, True)
        lacking = (await conversation.ask("incomplete_category_combos"))["category_combos"]
        assert [state["expected"] for state in lacking] == [4, 2]
        assert (await conversation.ask("explain", code="tp865"))["code"] == "TP865"

    converse(talk, server.url, tmp_path)


def test_tools_that_write_refuse_unless_it_was_allowed_at_start(server: Dhis2Server, tmp_path: Path) -> None:
    needed: dict[str, dict[str, Any]] = {
        "convert": {"sources": [str(SAMPLES / "january.json")], "output": "out"},
        "table": {"sources": [str(SAMPLES / "january.json")], "output": "out/values.csv"},
    }

    async def talk(conversation: Conversation) -> None:
        for tool in sorted(WRITING):
            error = await conversation.fail(tool, **needed.get(tool, {}))
            assert (error["code"], error["source"]) == ("TP880", tool)
            assert "--allow-writes" in error["help"]

    converse(talk, server.url, tmp_path)
    assert not [request for request in server.requests if request.method != "GET"]
    assert not (tmp_path / "out").exists()


def test_analytics_are_refreshed_and_watched_with_progress(server: Dhis2Server, tmp_path: Path) -> None:
    heard: list[str | None] = []

    async def talk(conversation: Conversation) -> None:
        started = await conversation.ask("maintenance_refresh_analytics")
        assert (started["job"]["jobType"], started["completed"]) == ("ANALYTICS_TABLE", False)
        job = started["job"]["id"]
        said = await conversation.ask("task_notifications", job_type="ANALYTICS_TABLE", job_id=job)
        assert [one["message"] for one in said["notifications"]] == ["Performing init"]

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            heard.append(message)

        result = await conversation.client.call_tool(
            "maintenance_refresh_analytics", {"watch": True}, progress_callback=hear
        )
        assert not result.is_error
        assert result.structured_content is not None
        assert result.structured_content["completed"] is True
        assert result.structured_content["notifications"][-1]["completed"] is True

    converse(talk, server.url, tmp_path, "--allow-writes")
    assert heard == ["Performing init", "Analytics tables updating", "Swapping tables", "Process completed"]


def test_option_combos_are_made_and_a_run_of_checks_is_followed(server: Dhis2Server, tmp_path: Path) -> None:
    async def talk(conversation: Conversation) -> None:
        made = await conversation.ask("maintenance_update_category_option_combos")
        assert (made["complete"], made["findings"]) == (True, [])
        run = await conversation.ask("integrity_run", checks=["orgunits_*"])
        assert (run["job"]["jobType"], run["completed"]) == ("DATA_INTEGRITY", True)

    converse(talk, server.url, tmp_path, "--allow-writes")


def test_files_are_converted_and_validated(server: Dhis2Server, tmp_path: Path) -> None:
    async def talk(conversation: Conversation) -> None:
        done = await conversation.ask("convert", sources=[str(SAMPLES / "january.json")], output="out")
        (source,) = done["sources"]
        assert source["values"] == {"read": 8, "written": 6, "superseded": 1, "rejected": 1}
        check_whole(tmp_path / "out" / "january")
        table = await conversation.ask("table", sources=["out/january"], output="values.parquet")
        assert (table["values"]["written"], [file["file"] for file in table["files"]]) == (6, ["values.parquet"])
        error = await conversation.fail("convert", sources=[str(SAMPLES / "january.json")], output="out")
        assert error["code"] == "TP901"
        verdict = await conversation.ask("validate", paths=["out/january"])
        assert [group["valid"] for file in verdict["files"] for group in file["groups"]] == [True] * 3
        (tmp_path / "bad.adv2.json").write_text('{"de":"element1","data":[[1')
        verdict = await conversation.ask("validate", paths=["bad.adv2.json"])
        (file,) = verdict["files"]
        assert verdict["finding_count"] == len(file["groups"][0]["findings"]) + bool(file["error"]) > 1
        cut = await conversation.ask("validate", paths=["bad.adv2.json"], limit=1)
        assert cut["finding_count"] == verdict["finding_count"]
        assert len(cut["files"][0]["groups"][0]["findings"]) == 1

    converse(talk, server.url, tmp_path, "--allow-writes")


def test_files_are_shown_and_counted(server: Dhis2Server, tmp_path: Path) -> None:
    async def talk(conversation: Conversation) -> None:
        path = str(SAMPLES / "january.json")
        shown = await conversation.ask("show", path=path, where=["ou=ouClinicB01"])
        check_against("show", shown)
        assert [row["line"] for row in shown["rows"]] == [5, 6, 8]
        assert (await conversation.fail("show", path=path, where=["clinic=x"]))["code"] == "TP900"
        counted = await conversation.ask("stats", files=[path], limit=1)
        check_against("stats", counted)
        assert (counted["rows"], len(counted["data_elements"]), counted["data_element_count"]) == (6, 1, 3)
        assert (await conversation.fail("stats", files=["-"]))["message"].startswith("standard input belongs")

    converse(talk, server.url, tmp_path)


def test_what_goes_wrong_is_a_finding_without_secrets(server: Dhis2Server, tmp_path: Path) -> None:
    async def talk(conversation: Conversation) -> None:
        assert (await conversation.fail("integrity_report", checks=["nope"]))["code"] == "TP900"
        assert (await conversation.fail("validate", paths=["-"]))["message"].startswith("standard input belongs")
        assert (await conversation.fail("explain", code="TP000"))["code"] == "TP900"
        assert (await conversation.fail("task_notifications", job_type="../x", job_id="y"))["code"] == "TP900"

    converse(talk, server.url, tmp_path)

    async def outside(conversation: Conversation) -> None:
        error = await conversation.fail("server_info")
        assert (error["code"], error["source"]) == ("TP853", f"GET {server.url}/api/system/info")

    converse(outside, server.url, tmp_path, token=f"{TOKEN}-wrong")


@pytest.mark.parametrize("arguments", [["--json"], ["--list", "--allow-writes"], ["--token-file", "-"]])
def test_options_without_an_effect_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["mcp", "--url", "https://host", *arguments]) == 2
    assert "TP900" in "".join(capsys.readouterr())


def test_the_list_of_tools_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["mcp", "--list", "--json"]) == 0
    tools = json.loads(capsys.readouterr().out)["tools"]
    assert {tool["name"] for tool in tools if tool["writes"]} == WRITING


def test_without_the_sdk_the_program_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "mcp.py").write_text("raise ModuleNotFoundError('no mcp', name='mcp')")
    settings = running.environment()
    path = f"{tmp_path}:{settings['PYTHONPATH']}"
    ended = running.run("mcp", "--list", env={"PYTHONPATH": path})
    assert ended.returncode == 4
    assert b"pip install 'tallyport[mcp]'" in ended.stderr
