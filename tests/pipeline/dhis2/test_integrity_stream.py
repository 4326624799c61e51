"""Issues of data integrity as a stream: rows while the answer arrives, flat memory, and a socket that closes.

TALLYPORT_ISSUES sets how many issues the large answer has.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from support import running
from support.dhis2_http import LoopbackServer
from support.dhis2_running import talk
from support.dhis2_server import CHECKS, TOKEN, Dhis2Server, issues
from support.waiting import wait_until
from tallyport.dhis2.api.connection import RequestFailed
from tallyport.dhis2.api.models import IntegrityCheck, IssueSeverity
from tallyport.dhis2.client import Client
from tallyport.dhis2.maintenance.issue_stream import IssueReading
from tallyport_converters.text.json_members import VALUE_CHARACTERS

ISSUES = int(os.environ.get("TALLYPORT_ISSUES", "100000"))
PART = 500
OPENING = b'{"orgunits_trailing_spaces":{"name":"orgunits_trailing_spaces","severity":"WARNING","issues":['


@pytest.fixture
def server() -> Iterator[Dhis2Server]:
    with Dhis2Server() as loopback:
        yield loopback


def parts(count: int) -> Iterator[bytes]:
    """The body of a details answer, in parts of many issues."""
    comment = "x" * 300
    yield OPENING
    for start in range(0, count, PART):
        found = [
            {"id": f"i{n:010d}", "name": f"unit {n}", "comment": comment, "refs": ["a", "b"]}
            for n in range(start, min(start + PART, count))
        ]
        yield (b"" if start == 0 else b",") + json.dumps(found).encode()[1:-1]
    yield b"]}}"


def streamed(
    server: Dhis2Server, count: int, *, pause_s: float = 0, waits: bool = False
) -> Callable[[], AsyncIterator[bytes]]:
    """A slow answer: with a pause between parts, or that waits behind the first issues until it is let on."""

    async def body() -> AsyncIterator[bytes]:
        for number, part in enumerate(parts(count)):
            yield part
            if waits and number == 1:
                while not server.go.is_set():
                    await asyncio.sleep(0.01)
            await asyncio.sleep(pause_s)
        server.has_sent_all.set()

    return body


def was_left(server: LoopbackServer) -> bool:
    """Whether the server saw its answer's reader leave, within some seconds."""
    wait_until(lambda: server.left_early)
    return any(path.endswith("/details") for path in server.left_early)


def test_the_first_row_is_there_while_the_server_still_sends(server: Dhis2Server) -> None:
    server.details_stream = streamed(server, 5 * PART, waits=True)

    async def work(client: Client) -> int:
        count = 0
        async for row in client.maintenance.iter_integrity_issues():
            if not count:
                assert (row.check, row.issue.id) == ("orgunits_trailing_spaces", "i0000000000")
                assert not server.has_sent_all.is_set()
                server.go.set()
            count += 1
        return count

    assert talk(server, work) == 5 * PART
    assert server.has_sent_all.wait(5)


@pytest.mark.parametrize("closes", [False, True], ids=["break", "aclosing"])
def test_leaving_the_loop_early_closes_the_socket(closes: bool, server: Dhis2Server) -> None:
    server.details_stream = streamed(server, 10_000_000, pause_s=0.01)

    async def work(client: Client) -> bool:
        if closes:
            async with aclosing(client.maintenance.iter_integrity_issues()) as rows:
                async for _ in rows:
                    break
        else:
            async for _ in client.maintenance.iter_integrity_issues():
                break
        # The client is still open, and of use.
        assert (await client.me()).id
        return await asyncio.to_thread(was_left, server)

    assert talk(server, work)


def test_rows_are_the_same_wherever_the_answer_is_cut() -> None:
    known = {check["name"]: IntegrityCheck.model_validate(check) for check in CHECKS}
    odd = {"id": "i}]", "name": 'a"},{', "comment": "ä\\ \u20ac", "refs": ["]", "}"], "more": {"issues": [{"id": 1}]}}
    document = {check["name"]: check | {"issues": [odd, *issues(2)], "error": None} for check in CHECKS}
    body = json.dumps(document, ensure_ascii=False).encode()

    def rows(size: int) -> list[object]:
        reading = IssueReading(known, "here")
        found = [row for at in range(0, len(body), size) for row in reading.feed(body[at : at + size])]
        reading.end()
        return [row.as_json() for row in found]

    whole = rows(len(body))
    assert len(whole) == 3 * len(CHECKS)
    assert all(rows(size) == whole for size in (1, 2, 3, 7, 64, 1000))


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b'"text"',
        OPENING,
        OPENING + b'{"id":"a"',
        OPENING + b'{"id":"a"}]}',
        OPENING + b'{"id":[1]}]}}',
        OPENING + b'{"id":"\xff"}]}}',
        b'{"a":{"issues":[{"id":"x"}]}} more',
        b'{"a":{"issues":[{"id":"x"},]}}',
        b'{"a":{"issues":[{"id":"x"}{"id":"y"}]}}',
        b'{"a":{"issues":[{"n":NaN}]}}',
        b'{"a":{"n":' + b"9" * 5000 + b"}}",
        b'{"a":7}',
        b"{7:{}}",
        b'{"a":{"issues":[{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}}",
    ],
    ids=[
        *("array", "text", "cut", "cut in an issue", "cut at the end", "an id of no text", "no UTF-8", "more"),
        *("comma", "no comma", "no number", "huge number", "no object", "no name", "deep"),
    ],
)
def test_what_is_no_details_answer_is_an_error(body: bytes) -> None:
    reading = IssueReading({}, "here")

    def read() -> None:
        for at in range(0, len(body), 1000):
            reading.feed(body[at : at + 1000])
        reading.end()

    with pytest.raises(RequestFailed) as caught:
        read()
    assert caught.value.finding.code == "TP857"


def test_an_issue_without_an_end_does_not_fill_memory() -> None:
    reading = IssueReading({}, "here")
    reading.feed(OPENING + b'{"id":"')
    fed = 0

    def feed() -> None:
        nonlocal fed
        while True:
            reading.feed(b"x" * (1 << 20))
            fed += 1 << 20

    with pytest.raises(RequestFailed, match="TP857"):
        feed()
    assert fed <= VALUE_CHARACTERS


MEASURED = """
import asyncio, pathlib, re, sys
from tallyport.dhis2.client import open_client

def peak_kib():
    # Not getrusage: its peak begins with that of the process that started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

async def work():
    async with open_client(sys.argv[1], token=sys.argv[2]) as client:
        await client.maintenance.list_checks()
        before = peak_kib()
        count = 0
        async for row in client.maintenance.iter_integrity_issues():
            count += 1
        print(count, peak_kib() - before)

asyncio.run(work())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak")
def test_memory_stays_flat_however_many_issues_there_are(server: Dhis2Server) -> None:
    server.details_stream = streamed(server, ISSUES)
    line = [sys.executable, "-c", MEASURED, server.url, TOKEN]
    ended = subprocess.run(line, env=running.environment(), capture_output=True, text=True, timeout=600, check=True)
    count, above_kib = map(int, ended.stdout.split())
    assert count == ISSUES
    assert above_kib < 20 << 10  # far below what that many issues take: some 70 MB for 100,000


def test_the_command_prints_rows_while_the_server_still_sends_and_ends_when_nobody_reads(server: Dhis2Server) -> None:
    server.details_stream = streamed(server, 10_000_000, pause_s=0.01)
    line = running.command("integrity", "issues", "--url", server.url, "--severity", "WARNING", "--format", "ndjson")
    with subprocess.Popen(
        line, env=running.environment({"TALLYPORT_TOKEN": TOKEN}), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
        assert (first["check"], first["severity"]) == ("orgunits_trailing_spaces", IssueSeverity.WARNING)
        assert not server.has_sent_all.is_set()
        process.stdout.close()
        assert process.wait(10) == 4
        assert process.stderr.read() == b""
    assert was_left(server)
