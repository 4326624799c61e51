"""Watching: a process of its own that stops an embedded server when nobody is left who uses it, however they ended.

Started by `server` as a script, with nothing but the standard library: the folder of the data, the lock that users
share, and the socket are its arguments. It gets the lock to itself once nobody holds it any more.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

_STOP_S = 60


def watch(data: Path, lock: Path, reached_by: str) -> None:
    """Wait until nobody uses the server on `data`, then stop it, if it runs."""
    import fcntl

    held = os.open(lock, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    if not answers(reached_by):
        return
    try:
        server = int((data / "postmaster.pid").read_text().split("\n")[0])
        os.kill(server, signal.SIGINT)  # PostgreSQL's fast shutdown
    except (OSError, ValueError):
        return
    until = time.monotonic() + _STOP_S
    while (data / "postmaster.pid").exists() and time.monotonic() < until:
        time.sleep(0.02)
    if Path(reached_by).parent != data:
        with suppress(OSError):
            Path(reached_by).parent.rmdir()


def answers(reached_by: str) -> bool:
    """Whether a server is at a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(reached_by)
        except OSError:
            return False
    return True


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
