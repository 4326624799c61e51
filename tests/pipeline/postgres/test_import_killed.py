"""Imports whose client is killed, whose backend is ended, whose network breaks: each group is all in or not at all.

Running the same command again completes the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from support.databases import execute, running_server, small
from support.importing import load, visits
from support.running import command, environment, signals_as_usual
from support.waiting import wait_until
from tallyport import OutsideFailed
from tallyport.postgres.embedded.server import EmbeddedServer
from tallyport.postgres.imports.import_run import ImportOptions

KILLS = int(os.environ.get("TALLYPORT_KILLS", "40"))
"""Kills in all: of clients and of backends, half each."""

CUTS = 10
SPANS = range(1780, 2020, 20)
"""The first years of the groups, which are of twenty years each."""

UNITS = ["ouClinicA01", "ouClinicB01"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> str:
    made = small(server, "43", "killed")
    execute(made, "update organisationunit set openingdate = '1700-01-01'")
    return made


def groups_of(version: int, folder: Path) -> Path:
    """A file with a group of monthly values for each span: all are `version`; some groups delete their scope first."""
    groups = []
    for first in SPANS:
        periods = [f"{year}{month:02}" for year in range(first, first + 20) for month in range(1, 13)]
        rows = [[period, unit, version] for period in range(len(periods)) for unit in range(len(UNITS))]
        scope = {"delete": "soft"} if first % 60 == 0 else {}
        groups.append(visits(*rows, pe=periods, ou=UNITS, **scope))
    path = folder / f"{version}.adv2.json"
    path.write_text(json.dumps(groups))
    return path


def versions(url: str) -> dict[int, set[tuple[str, int]]]:
    """What each group holds: values with how many there are of each."""
    found = execute(
        url,
        "select extract(year from startdate)::int / 20 * 20, value, count(*) from datavalue "
        "join period using (periodid) where not deleted group by 1, 2",
    )
    return {first: {(value, count) for at, value, count in found if at == first} for first in SPANS}


SIZE = 20 * 12 * len(UNITS)


def check_whole(url: str, before: int, after: int) -> int:
    """Fail unless each group is as before or as after; returns how many are as after."""
    done = 0
    for first, held in versions(url).items():
        whole = [{(str(version), SIZE)} if version else set() for version in (before, after)]
        assert held in whole, f"{first} holds {held}, between {before} and {after}"
        done += held == whole[1]
    return done


def start(path: Path, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command("import", str(path), "--database", url, "--json"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def wait_for_backends(url: str) -> None:
    """Wait until no backend of a killed client is left, as what it was sent last may still be at work."""
    asked = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    wait_until(lambda: execute(url, asked) == [(0,)])


def kill_client(process: subprocess.Popen[bytes], url: str) -> None:
    process.kill()
    process.communicate()
    assert process.returncode in (-signal.SIGKILL, 0)


def end_backend(process: subprocess.Popen[bytes], url: str) -> None:
    asked = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'tallyport'"
    ((ended,),) = execute(url, asked)
    said, _ = process.communicate(timeout=60)
    if ended and process.returncode:
        document = json.loads(said)
        assert process.returncode == 4
        assert document["error"]["code"] in ("TP805", "TP806")
    else:
        assert process.returncode == 0


@pytest.mark.parametrize("kill", [kill_client, end_backend])
def test_a_killed_import_leaves_each_group_before_or_after_and_the_next_run_completes(
    url: str, tmp_path: Path, kill: Callable[[subprocess.Popen[bytes], str], None]
) -> None:
    execute(url, "truncate datavalue, datavalueaudit; delete from period")
    chance = random.Random(6)
    started = time.monotonic()
    assert start(groups_of(1, tmp_path), url).wait() == 0
    seconds = time.monotonic() - started
    assert check_whole(url, 0, 1) == len(SPANS)
    reached = []
    for number in range(KILLS // 2):
        before, after = number + 1, number + 2
        path = groups_of(after, tmp_path)
        process = start(path, url)
        time.sleep(seconds * (0.25 + 0.75 * chance.random()))
        kill(process, url)
        wait_for_backends(url)
        reached.append(check_whole(url, before, after))
        report = load([path], url, ImportOptions())
        assert report.exit_code == 0
        assert check_whole(url, before, after) == len(SPANS)
    assert len(set(reached)) > 2, f"kills met runs at the same moments only: {reached}"


def test_an_import_into_nothing_that_is_killed_leaves_whole_groups_only(url: str, tmp_path: Path) -> None:
    path = groups_of(1, tmp_path)
    for moment in (0.3, 0.5, 0.7, 0.9):
        execute(url, "truncate datavalue, datavalueaudit; delete from period")
        process = start(path, url)
        time.sleep(moment)
        kill_client(process, url)
        wait_for_backends(url)
        check_whole(url, 0, 1)
        assert load([path], url, ImportOptions()).exit_code == 0
        assert check_whole(url, 0, 1) == len(SPANS)


# --- The network -----------------------------------------------------------------------------------------------------


@contextmanager
def network_that_breaks(server: EmbeddedServer, after: int) -> Iterator[str]:
    """A way to the server that is cut when the client has sent so many bytes; gives the folder of its socket."""
    target = psycopg.conninfo.conninfo_to_dict(server.url())["host"]
    name = ".s.PGSQL.5432"
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/{name}")
        listening.listen()

        def pass_on(source: socket.socket, to: socket.socket, limit: float) -> None:
            sent = 0
            with contextlib.suppress(OSError):
                while data := source.recv(4096):
                    sent += len(data)
                    if sent > limit:
                        break
                    to.sendall(data)
            for end in (source, to):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            client, _ = listening.accept()
            with client, socket.socket(socket.AF_UNIX) as real:
                real.connect(f"{target}/{name}")
                back = threading.Thread(target=pass_on, args=(real, client, float("inf")))
                back.start()
                pass_on(client, real, after)
                back.join()

        serving = threading.Thread(target=serve)
        serving.start()
        yield folder
        serving.join()


def test_a_network_that_breaks_leaves_whole_groups_and_is_told(
    server: EmbeddedServer, url: str, tmp_path: Path
) -> None:
    execute(url, "truncate datavalue, datavalueaudit; delete from period")
    chance = random.Random(7)
    assert load([groups_of(1, tmp_path)], url, ImportOptions()).exit_code == 0
    for number in range(CUTS):
        before, after = number + 1, number + 2
        path = groups_of(after, tmp_path)
        with network_that_breaks(server, after=chance.randrange(1_000, 250_000)) as folder:
            way = psycopg.conninfo.make_conninfo(url, host=folder, sslmode="disable", gssencmode="disable")
            with pytest.raises(OutsideFailed, match=r"TP80[56]"):
                load([path], way, ImportOptions())
        wait_for_backends(url)
        check_whole(url, before, after)
        assert load([path], url, ImportOptions()).exit_code == 0
        assert check_whole(url, before, after) == len(SPANS)


def test_what_a_killed_import_converted_on_the_way_is_swept_by_the_next(url: str, tmp_path: Path) -> None:
    def begin() -> tuple[subprocess.Popen[bytes], Path]:
        """An import that has taken in a part of what it is given, and waits for the rest."""
        process = subprocess.Popen(
            command("import", "-", "--database", url, "--json"),
            env=environment({"TMPDIR": str(tmp_path)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=signals_as_usual,
        )
        assert process.stdin
        process.stdin.write(b'{"dataValues":[' + b" " * 100_000)
        process.stdin.flush()
        end = time.monotonic() + 60
        while not (found := [path for path in tmp_path.glob("*/files/stdin") if path.stat().st_size]):
            assert time.monotonic() < end
            time.sleep(0.01)
        return process, found[0].parents[1]

    killed, left_over = begin()
    killed.kill()
    killed.communicate()
    assert left_over.stat().st_mode & 0o777 == 0o700
    for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        ended, folder = begin()
        assert not left_over.exists()
        ended.send_signal(number)
        said, _ = ended.communicate(timeout=60)
        assert (ended.returncode, json.loads(said)["error"]["code"]) == (code, "TP803")
        assert not folder.exists()
    assert not list(tmp_path.iterdir())
