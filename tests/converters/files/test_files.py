"""The room that makes files: what appears whole, what is on the disk, and which locks hold, on every system."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from support.running import environment
from tallyport_converters.files import locks
from tallyport_converters.files.atomic import WholeFile
from tallyport_converters.files.publish import publish, run_in
from tallyport_schemas.finding import OutsideFailed


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def made(folder: Path, text: str) -> None:
    """Make and publish a folder of one file."""
    with run_in(folder, ["one"], overwrite=True) as work:
        (work / "one").mkdir()
        (work / "one" / "file").write_text(text)
        publish(work / "one", folder / "one")


# --- A file that appears whole ---------------------------------------------------------------------------------------


def test_a_file_appears_when_it_is_whole_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text("before")
    with WholeFile(path) as file:
        file.write(b"aft")
        assert path.read_text() == "before"
        file.write(b"er")
    assert (path.read_text(), names(tmp_path)) == ("after", {"it"})


def test_a_file_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text("before")
    with suppress(ZeroDivisionError), WholeFile(path) as file:
        file.write(b"after")
        raise ZeroDivisionError
    assert (path.read_text(), names(tmp_path)) == ("before", {"it"})


def test_a_file_that_replaces_nothing_spares_one_that_came_to_be_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "it"
    file = WholeFile(path, replaces=False)
    file.write(b"mine")
    path.write_text("another's")
    with pytest.raises(FileExistsError):
        file.__exit__(None, None, None)
    assert (path.read_text(), names(tmp_path)) == ("another's", {"it"})


def test_a_file_appears_where_the_system_has_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no links")

    monkeypatch.setattr(Path, "hardlink_to", no_link)
    with WholeFile(tmp_path / "it", replaces=False) as file:
        file.write(b"mine")
    assert (tmp_path / "it").read_text() == "mine"


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutsideFailed) as caught:
        WholeFile(tmp_path)
    assert caught.value.finding.code == "TP801"


# --- On the disk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is waited for, in order."""
    found: list[Path] = []
    fsync = os.fsync

    def noted(file: int) -> None:
        found.append(
            Path(f"/dev/fd/{file}").resolve() if sys.platform != "linux" else Path(f"/proc/self/fd/{file}").readlink()
        )
        fsync(file)

    monkeypatch.setattr(os, "fsync", noted)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say which file a handle is of")
def test_a_file_is_on_the_disk_before_it_appears_and_its_name_thereafter(tmp_path: Path, synced: list[Path]) -> None:
    with WholeFile(tmp_path / "it") as file:
        file.write(b"mine")
    assert [path.name for path in synced] == ["partial", tmp_path.name]


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say which file a handle is of")
def test_a_folder_that_is_published_is_on_the_disk_with_its_name(tmp_path: Path, synced: list[Path]) -> None:
    made(tmp_path, "new")
    assert [path.name for path in synced[-2:]] == ["one", tmp_path.name]


def without_folders(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Take away that folders can be opened, as on Windows and some network file systems."""
    opened = os.open

    def open_file(path: str | Path, *arguments: int, **more: int) -> int:
        # Only here: where shutil removes folders, it opens them on systems that can alone.
        if sys._getframe(1).f_code.co_name == "sync_folder":
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **more)

    monkeypatch.setattr(os, "open", open_file)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EISDIR, errno.EINVAL])
def test_a_folder_that_cannot_be_opened_is_not_waited_for(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_folders(monkeypatch, number)
    made(tmp_path, "old")
    made(tmp_path, "new")
    with WholeFile(tmp_path / "it") as file:
        file.write(b"mine")
    assert (tmp_path / "one" / "file").read_text() == "new"
    assert names(tmp_path) == {"one", "it"}


def test_a_disk_that_fails_when_it_is_waited_for_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_folders(monkeypatch, errno.EIO)
    with pytest.raises(OutsideFailed) as caught:
        made(tmp_path, "new")
    assert caught.value.finding.code == "TP801"


def test_folders_are_swapped_where_the_system_has_no_step_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    made(tmp_path, "old")
    made(tmp_path, "new")
    assert (tmp_path / "one" / "file").read_text() == "new"
    assert names(tmp_path) == {"one"}


# --- Locks -----------------------------------------------------------------------------------------------------------


def ending(how: str) -> Callable[[Path], subprocess.Popen[str]]:
    script = (
        "import os, pathlib, signal, sys; from tallyport_converters.files import locks\n"
        "lock = locks.held(pathlib.Path(sys.argv[1])); print(lock is not None, flush=True)\n"
        f"sys.stdin.read(); {how}\n"
    )
    return lambda path: subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("how", ["pass", "1 / 0", "os._exit(3)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_a_lock_is_free_however_its_process_ends(how: str, tmp_path: Path) -> None:
    process = ending(how)(tmp_path / "lock")
    assert process.stdout
    assert process.stdout.readline() == "True\n"
    assert locks.held(tmp_path / "lock") is None
    process.communicate("")
    lock = locks.held(tmp_path / "lock")
    assert lock is not None
    locks.give_up(tmp_path / "lock", lock)
    assert not names(tmp_path)


def test_a_lock_whose_file_was_taken_away_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    opened = os.open

    def open_late(*arguments: object) -> int:
        file = opened(*arguments)  # type: ignore[arg-type]
        path.unlink()
        return file

    monkeypatch.setattr(os, "open", open_late)
    assert locks.held(path) is None


def test_a_lock_is_freed_before_its_file_is_removed_where_an_open_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = locks.held(tmp_path / "lock")
    assert lock is not None
    unlink = Path.unlink

    def closed_first(path: Path) -> None:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(lock)
        unlink(path)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(Path, "unlink", closed_first)
    locks.give_up(tmp_path / "lock", lock)
    assert not names(tmp_path)
