"""Uploads: a request's body onto the disk, as it comes, cut off at the limit while reading."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.to_thread

from tallyport.web.folders import Folders
from tallyport.web.http.failures import failed
from tallyport.web.store import Store
from tallyport_schemas.finding import finding

_BLOCK_BYTES = 1 << 20
_DETECTION_S = 30.0
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def new_id() -> str:
    """Return 80 bits that nobody can guess, fit for a file's name on any system."""
    return "".join(secrets.choice(_LETTERS) for _ in range(16))


class Uploads:
    """Takes uploads into `folders` and `store`; `limit_bytes` for each."""

    def __init__(self, store: Store, folders: Folders, limit_bytes: int) -> None:
        self._store, self._folders, self.limit_bytes = store, folders, limit_bytes

    async def receive(self, chunks: AsyncIterator[bytes], name: str) -> dict[str, Any]:
        """Take the body of a request in; returns the upload. What breaks off leaves nothing.

        Raises:
            Failed: TP930 the server stops, TP801 the disk is full.
        """
        id = new_id()
        partial = self._folders.uploads / f"{id}.partial"
        try:
            size, digest = await _write(chunks, partial)
            await anyio.to_thread.run_sync(partial.rename, self._folders.uploads / id)
        except OSError as error:
            raise failed("TP801", found=error.strerror or str(error)) from error
        except asyncio.CancelledError:  # the server stops: whoever sends still listens
            raise failed("TP930") from None
        finally:
            partial.unlink(missing_ok=True)
        detected = await self._detected(self._folders.uploads / id, name)
        self._store.add_upload(id, name, size, digest, detected)
        return {"id": id, "name": name, "bytes": size, "sha256": digest, **detected}

    async def _detected(self, path: Path, name: str) -> dict[str, Any]:
        """Have a process of its own look at the file: it is untrusted."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "tallyport.web.jobs.upload_format", str(path), name),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), _DETECTION_S)
            detected: dict[str, Any] = json.loads(said)
        except (TimeoutError, ValueError):
            found = finding("TP922", source=name).as_json()
            return {"format": None, "compression": None, "evidence": None, "finding": found}
        finally:
            if process.returncode is None:
                process.kill()
        return detected

    def remove(self, id: str) -> None:
        """Remove an upload.

        Raises:
            Failed: TP918, a job needs it.
        """
        if not self.discard(id):
            raise failed("TP918", message="a job needs this file", help="remove the job first")

    def discard(self, id: str) -> bool:
        """Remove an upload unless a job needs it; returns whether it is gone."""
        is_gone = self._store.remove_upload(id)
        if is_gone:
            (self._folders.uploads / id).unlink(missing_ok=True)
        return is_gone

    def remove_idle(self, older_than_s: float) -> None:
        """Remove what no job needs and nobody is about to use."""
        for id in self._store.remove_idle_uploads(older_than_s):
            (self._folders.uploads / id).unlink(missing_ok=True)

    def remove_unknown(self) -> None:
        """Remove files of which the store knows nothing: a server was killed in the middle. Only while none serves."""
        for path in self._folders.uploads.iterdir():
            if self._store.upload(path.name) is None:
                path.unlink(missing_ok=True)


async def _write(chunks: AsyncIterator[bytes], path: Path) -> tuple[int, str]:
    """Write a file as it comes; returns its size and digest."""
    digest, size, block = hashlib.sha256(), 0, bytearray()
    with path.open("wb") as file:

        def put(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        async for chunk in chunks:
            size += len(chunk)
            block += chunk
            if len(block) >= _BLOCK_BYTES:
                await anyio.to_thread.run_sync(put, bytes(block))
                block.clear()
        await anyio.to_thread.run_sync(put, bytes(block))
    return size, digest.hexdigest()
