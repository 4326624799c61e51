"""Whole file: one that a run writes beside what it is for, and that appears when all of it is on the disk."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tallyport_converters.files.output import failed, replaceable, sync_folder
from tallyport_converters.files.work_folders import work_folder


class WholeFile:
    """The file at `path`; use it in a `with`: leaving by an exception leaves what was there before.

    Unless it `replaces`, it does not take the place of a file that came to be meanwhile, where the system can say so.
    What runs before left in the folder is swept, unless the caller `sweeps` not. A file that is of use in part says so
    by `_keep`: then that part appears, whatever happens later.

    Raises (from every method):
        OutsideFailed: TP801, the disk failed.
        FileExistsError: on leaving, if it does not replace.
    """

    def __init__(self, path: Path, *, replaces: bool = True, sweeps: bool = True) -> None:
        self._path = path = replaceable(path)
        self._replaces = replaces
        self._kept = 0
        with ExitStack() as stack:
            self._partial = stack.enter_context(work_folder(path.parent, sweeps=sweeps)) / "partial"
            try:
                self._file = self._partial.open("wb")
            except OSError as error:
                raise failed(error, path) from error
            self._folder = stack.pop_all()

    def write(self, data: bytes) -> None:
        """Append."""
        try:
            self._file.write(data)
        except OSError as error:
            raise failed(error, self._path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._file:
                if kind is not None and self._kept:
                    self._file.truncate(self._kept)
                if kind is None or self._kept:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None or self._kept:
                self._appear()
                sync_folder(self._path.parent)
        except FileExistsError:
            raise
        except OSError as failure:
            raise failed(failure, self._path) from failure
        finally:
            self._folder.close()

    def _appear(self) -> None:
        if self._replaces:
            self._partial.replace(self._path)
            return
        try:
            self._path.hardlink_to(self._partial)
        except FileExistsError:
            raise
        except OSError:  # no such links here
            self._partial.rename(self._path)

    def _keep(self) -> None:
        """Have what was written so far appear, whatever happens later."""
        self._kept = self._file.tell()
