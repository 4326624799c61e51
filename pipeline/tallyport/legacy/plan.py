"""Legacy files to be written, planned from the headers of ADV2 groups: which there are, and what they begin with.

A file of its own for all that the format states once a file. Rules: docs/formats/writing.md, "Files".
"""

from __future__ import annotations

from typing import NamedTuple

from tallyport.legacy.scope import Scoping
from tallyport_converters.files.names import safe_name
from tallyport_converters.files.output import OutputFile, OutputStream
from tallyport_converters.writers.writer import (
    COMBINATIONS_LIMIT,
    DeletionScope,
    FileScope,
    GroupScope,
    Named,
    Optioned,
    Unstated,
    Writer,
    no_place,
)
from tallyport_schemas.finding import Finding, Refused, finding
from tallyport_schemas.group_header import KINDS, GroupHeader

FILES_LIMIT = 200
"""Files that are written side by side."""

CATEGORIES_LIMIT = 1_000
"""Categories of a file that are kept count of: no format names so many."""


class FileKey(NamedTuple):
    """What a legacy file states once: the scheme of every kind of identifier, and the data set."""

    schemes: tuple[str, ...]
    data_set: str | None


class LegacyFile:
    """A legacy file: planned, then written to `out`. `name` has no suffix for compression."""

    def __init__(self, key: FileKey) -> None:
        self.key = key
        self.name = ""
        self.rows = 0
        self.is_begun = False
        self.out: OutputFile | OutputStream | None = None
        self._categories: dict[str, None] = {}
        self._has_option_lists = False
        self._elements: set[str] = set()
        self._deleted: list[dict[str, object]] = []
        self._deleted_scope: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    @property
    def scope(self) -> FileScope:
        """What the writer needs to know of the file."""
        deletion = DeletionScope(*self._deleted_scope, self._deleted) if self._deleted_scope else None
        schemes = dict(zip(KINDS, self.key.schemes, strict=True))
        return FileScope(self.key.data_set, schemes, sorted(self._categories), self._has_option_lists, deletion)

    def order(self) -> tuple[str, bool, tuple[str, ...]]:
        """Return the key that puts files in order: by data set, those of UIDs first."""
        return self.key.data_set or "", set(self.key.schemes) != {"UID"}, self.key.schemes

    def take(self, header: GroupHeader, *, names_combos: bool) -> None:
        """Take note of a group that is to have its rows here; `names_combos`: option combos stand for its options."""
        if header.co and header.co.categories and not names_combos and len(self._categories) <= CATEGORIES_LIMIT:
            self._categories |= dict.fromkeys(header.co.categories)
        if header.ao and header.ao.categories is None and not names_combos:
            self._has_option_lists = True
        if header.size:
            self._elements.add(header.de)

    def take_deletion(self, header: GroupHeader, group: GroupScope) -> str | None:
        """Take a deletion into the file's scope, which is applied before any of its rows; return why it cannot be.

        Raises:
            Unstated: its combos have no names.
        """
        if header.de in self._elements:
            return "a deletion after rows of the same data element"
        if len(self._deleted) > COMBINATIONS_LIMIT:
            return f"more than {COMBINATIONS_LIMIT:,} elements of a deletion scope"
        scope = (_names("ou", group.org_units), header.pe)
        if self._deleted_scope not in (None, scope):
            return "periods or org units other than those of the file's deletion"
        self._deleted += _deleted(group)
        self._deleted_scope = scope
        return None


class FilePlan:
    """The files of a run: `take` each group's header, then `finish`."""

    def __init__(self, writer: Writer, scoping: Scoping) -> None:
        self._writer, self._scoping = writer, scoping
        self._files: dict[FileKey, LegacyFile] = {}

    @property
    def files(self) -> list[LegacyFile]:
        """The files in their order."""
        return list(self._files.values())

    def file_of(self, header: GroupHeader) -> LegacyFile | None:
        """Return the file that a group's rows belong in; None if the plan knows none.

        Raises:
            Unstated: TP779, metadata have no identifier for its data set.
        """
        return self._files.get(self._key(header))

    def take(self, header: GroupHeader) -> Finding | None:
        """Take note of a group; returns what to report of a deletion that has no place.

        Raises:
            Refused: TP778, there are more files than can be written side by side.
        """
        reason = None
        try:
            key = self._key(header)
            file = self._files.setdefault(key, LegacyFile(key))
            if len(self._files) > FILES_LIMIT:
                raise Refused(finding("TP778", found=f"more than {FILES_LIMIT} files", expected=str(FILES_LIMIT)))
            if header.delete and not self._writer.states_deletion:
                reason = f"{self._writer.format} has no deletion scope"
            elif header.delete == "hard":
                reason = "a hard deletion"
            elif header.delete:
                reason = file.take_deletion(header, self._scoping.scope(header))
            file.take(header, names_combos=self._scoping.snapshot is not None)
        except Unstated as error:  # rows that it concerns are told of when they are read
            reason = error.finding.found if header.delete else None
        return finding("TP772", field=f"delete of {header.de}", found=reason) if reason else None

    def finish(self, stem: str, data_set: str | None) -> None:
        """Order and name the files: after `stem` and, where there are several, their data sets; numbered where alike.

        Without groups there is one file, which says `data_set` if it can.
        """
        if not self._files:
            key = FileKey(("UID",) * len(KINDS), data_set if self._writer.data_set_of == "file" else None)
            self._files[key] = LegacyFile(key)
        self._files = {file.key: file for file in sorted(self._files.values(), key=LegacyFile.order)}
        is_one_of_many = len(self._files) > 1
        taken: set[str] = set()
        for file in self._files.values():
            base = name = f"{stem}.{safe_name(file.key.data_set)}" if is_one_of_many and file.key.data_set else stem
            number = 1
            while name.casefold() in taken:
                number += 1
                name = f"{base}.{number}"
            taken.add(name.casefold())
            file.name = name + self._writer.suffix

    def _key(self, header: GroupHeader) -> FileKey:
        is_per_group = self._writer.data_set_of == "group"
        data_set = None if is_per_group else self._scoping.data_set(header)
        return FileKey(tuple(self._scoping.schemes(header).values()), data_set)


def _deleted(group: GroupScope) -> list[dict[str, object]]:
    """Return the elements of a deletion scope that a group stands for, as DXF2 JSON has them.

    Raises:
        Unstated: TP771, TP779: a combo has no name, or there are very many.
    """
    combos: list[dict[str, object]] = [{"dataElement": group.data_element}]
    for name, dimension in (("categoryOptionCombo", group.coc), ("attributeOptionCombo", group.aoc)):
        if dimension is not None:
            named = _names(name, dimension) if isinstance(dimension, Named) else _mappings(name, dimension)
            if len(named) * len(combos) > COMBINATIONS_LIMIT:
                raise no_place(name, f"{len(named) * len(combos):,} combinations")
            combos = [{**combo, name: one} for combo in combos for one in named]
    return combos


def _names(field: str, named: Named) -> tuple[str, ...]:
    if None in named.identifiers:
        raise Unstated(finding("TP779", field=field, found="identifiers that metadata do not have"))
    return tuple(str(name) for name in named.identifiers)


def _mappings(field: str, options: Optioned) -> list[dict[str, str]]:
    categories = options.named(field)
    options.check_size(field)
    return [dict(zip(categories, combined, strict=True)) for combined in options.combined()]
