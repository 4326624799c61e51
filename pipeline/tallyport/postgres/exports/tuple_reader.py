"""Stored values as a reader gives them: tuples of COPY in binary form, on their way to ADV2.

Values are read in one transaction that sees one state of the database; read again, they come the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from tallyport.postgres.connection import Row
from tallyport.postgres.exports.names import StoredNames
from tallyport.postgres.statements import statement
from tallyport_converters.model.combos import Combo, ComboForm
from tallyport_converters.model.file_header import Header
from tallyport_converters.native.abi import Fault
from tallyport_converters.native.batch import Batch
from tallyport_converters.native.library import Buffer
from tallyport_converters.readers.reader import Reader, RejectedRow
from tallyport_schemas.finding import Finding, OutsideFailed, finding

if TYPE_CHECKING:
    from psycopg import Connection

_HEADER_BYTES = 19
"""Signature, flags and the size of an extension, of which there is none."""

_TRAILER = b"\xff\xff"
_TAKEN = 64
"""Messages of a tuple each that are taken at a time: each may have a value and a comment of 200 kB."""

_MESSAGE_BYTES = 1 << 20
"""The largest message that is taken for a tuple."""

_IDS = {
    "dataElement": "elements",
    "period": "periods",
    "orgUnit": "org_units",
    "categoryOptionCombo": "option_combos",
    "attributeOptionCombo": "attribute_combos",
    "dataSet": "data_sets",
}
"""The identifiers of a tuple, and the `StoredNames` that they are called by."""

_FIELDS = (*_IDS, "value", "comment", "deleted", "followUp")


class StoredValues(Reader):
    """Reads the values that `parameters` select; see `export_values.sql`."""

    format = "dhis2-database"

    def __init__(self, database: Connection[Row], parameters: Mapping[str, Any], names: StoredNames) -> None:
        self.header = Header()
        self._database = database
        self._names = names
        self._statement = "exports/values"
        self._parameters = dict(parameters)
        if names.set_of is not None:
            self._statement = "exports/values_of_sets"
            keys = list(names.set_of)
            self._parameters |= {
                "set_elements": [key[0] for key in keys],
                "set_combos": [key[1] for key in keys],
                "set_attributes": [key[2] for key in keys],
                "set_ids": [names.set_of[key] for key in keys],
            }

    def blocks(self, size_bytes: int) -> Iterator[Buffer]:
        """Yield whole tuples, at least `size_bytes` at a time but for the last."""
        with self._database.cursor() as cursor, cursor.copy(statement(self._statement), self._parameters) as copy:
            messages = _of_usual_size(copy)  # libpq gives them one by one
            block = bytearray().join(islice(messages, _TAKEN))
            del block[:_HEADER_BYTES]
            while taken := bytearray().join(islice(messages, _TAKEN)):
                if len(block) >= size_bytes:
                    yield block
                    block = bytearray()
                block += taken
            del block[-len(_TRAILER) :]
            if block:
                yield block

    def cut(self, block: Buffer) -> int:
        """See `Reader`: blocks are whole."""
        return len(block)

    def scan(self, block: Buffer, state: int, *, final: bool) -> Batch:
        """See `Reader`."""
        del state
        return Batch().scan_tuples(block, final=final)

    def fault(self, batch: Batch, offset: int) -> Finding:
        """See `Reader`."""
        del offset
        if batch.fault is Fault.UTF8:
            message = "a stored text is not in the encoding of the database"
            return finding("TP107", message=message, help="correct the text in the database", row=batch.report.rows)
        return finding("TP805", row=batch.report.rows, found="an invalid tuple")

    def row(self, block: Buffer, span: slice) -> RejectedRow:
        """See `Reader`."""
        fields = dict(zip(_FIELDS, _fields(bytes(block[span])), strict=False))
        original: dict[str, Any] = {}
        for name, of in _IDS.items():
            if (id_ := fields[name]) is not None:
                original[name] = _called(getattr(self._names, of)[int.from_bytes(id_, signed=True)])
        for name in ("value", "comment"):
            if (text := fields[name]) is not None:
                original[name] = text.decode()
        for name in ("deleted", "followUp"):
            if (flag := fields[name]) is not None:
                original[name] = flag != b"\0"
        return RejectedRow(original, original)


def _of_usual_size(messages: Iterable[Buffer]) -> Iterator[Buffer]:
    """Pass on messages of a tuple each.

    Raises:
        OutsideFailed: TP805, one is larger than any stored value: a server may send a gigabyte, and many of them.
    """
    for message in messages:
        if len(message) > _MESSAGE_BYTES:
            raise OutsideFailed(finding("TP805", found=f"a row of {len(message):,} bytes"))
        yield message


def _fields(row: bytes) -> Iterator[bytes | None]:
    """Yield the fields of a tuple."""
    at = 2
    while at < len(row):
        size = int.from_bytes(row[at : at + 4], signed=True)
        at += 4
        yield None if size < 0 else row[at : at + size]
        at += max(0, size)


def _called(name: object) -> Any:
    """Return an identifier as a rejected row shows it."""
    if isinstance(name, Combo):
        if name.shape.form is ComboForm.MAP:
            return dict(zip(name.shape.names, name.options, strict=True))
        return next(iter(name.options), None)
    return getattr(cast(Any, name), "iso", name)
