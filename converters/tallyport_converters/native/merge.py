"""Sorted runs of one group, merged."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from ctypes import c_uint64, c_void_p
from typing import cast

from tallyport_converters.native import abi
from tallyport_converters.native.dictionaries import Rejects
from tallyport_converters.native.library import Owner, library
from tallyport_converters.native.split import Form, Used
from tallyport_schemas.finding import OutsideFailed, finding


def temporary_file_cut() -> OutsideFailed:
    """Return what to raise where a temporary file ends too early: somebody, or a full disk, cut it."""
    return OutsideFailed(finding("TP801", found="a temporary file was cut", field="temporary file"))


class Merge(Owner):
    """Sorted runs of one group, merged into ADV2 text; `written` and `keys` count on."""

    free = "tp_merge_free"

    def __init__(self, runs: Sequence[Callable[[], Callable[[int], bytes]]], rejects: Rejects) -> None:
        """Each of `runs` begins to read a run: what it gives returns up to so many bytes, b"" at the end."""
        self._failure: BaseException | None = None
        self._runs = runs
        self._readers = [begin() for begin in runs]

        def read(run: int, at: int, size: int) -> int:
            try:
                data = self._readers[run](size)
            except Exception as error:  # must not pass through C: it is raised again in pieces()
                self._failure = error
                return -1
            ctypes.memmove(at, data, len(data))
            return len(data)

        self._read = abi.ReadRun(read)
        self._written = c_uint64()
        self.keys = abi.Keys()
        super().__init__(library.tp_merge_new(len(runs), self._read, rejects.bits))

    @property
    def written(self) -> int:
        """Rows given so far."""
        return self._written.value

    def survey(self, used: Sequence[Used]) -> None:
        """Find the keys whose rows only unknown fields distinguish, so that `pieces` rejects those.

        Adds to `used` the ranks that the other rows hold, by dimension.
        """
        marks = (c_void_p * len(used))(*[cast(c_void_p, ranks.handle) for ranks in used])
        self._check(library.tp_merge_survey(self.handle, marks))
        self._readers = [begin() for begin in self._runs]
        self._check(library.tp_merge_rewind(self.handle))

    def _check(self, good: object) -> None:
        if self._failure:
            raise self._failure
        if self.handle and library.tp_merge_cut(self.handle):
            raise temporary_file_cut()
        if not good:
            raise MemoryError

    def pieces(self, form: Form, piece_bytes: int) -> Iterator[bytes]:
        """Yield the rows as text, piece by piece."""
        size = c_uint64()
        while True:
            at = library.tp_merge_next(self.handle, form.struct, piece_bytes, size, self._written, self.keys)
            self._check(at)
            if not size.value:
                return
            yield ctypes.string_at(at, size.value)
