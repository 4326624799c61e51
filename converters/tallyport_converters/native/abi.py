"""What scanner.h declares. Made of it by generate_abi.py: not to be edited."""

# fmt: off
# ruff: noqa: I001
from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, Array, Structure, _Pointer
from ctypes import c_char_p, c_int32, c_int64, c_uint8, c_uint32, c_uint64, c_void_p
from enum import IntEnum
from typing import Any

DIGEST = "920a6d8b466ca2f0"
KINDS = 6
DIMENSIONS = 4
DROPPED_COUNT = 4
NOTICE_COUNT = 11
SPACES_COUNT = 2
WORD_PLACES = 4
WORDS = 26
COLUMN_AGAIN = 32
NAMED_SHORT = 16
NO_RANK = 4294967295


class Kind(IntEnum):
    """Dictionaries of identifiers."""

    DE = 0
    PE = 1
    OU = 2
    COC = 3
    AOC = 4
    DS = 5


class Field(IntEnum):
    """What a field of a row means; below KINDS: an identifier, as Kind."""

    VALUE = 6
    COMMENT = 7
    FOLLOWUP = 8
    DELETED = 9
    STORED_BY = 10
    CREATED = 11
    LAST_UPDATED = 12
    UNKNOWN = 13
    PASSED = 14
    LEFT_OUT = 15
    LEFT_OUT_OF_GROUP = 16
    DOUBLED = 17
    COMPLETE_DATE = 18
    NO_PLACE = 19


class NamedBy(IntEnum):
    """How a name says what a field means.

    All but the first give way where the row has the field by a better name.
    """

    OTHERWISE = 1
    CODE = 2
    NAME = 3
    OLD_NAME = 4


class Column(IntEnum):
    """What a CSV column means; below KINDS: an identifier, as Kind."""

    VALUE = 6
    COMMENT = 7
    FOLLOWUP = 8
    DELETED = 9
    STORED_BY = 10
    CREATED = 11
    LAST_UPDATED = 12
    ATTRIBUTE_COMBO = 13
    ATTRIBUTE_OPTIONS = 14
    CATEGORY = 15
    DROPPED = 16
    COUNTED = 17
    PASSED = 18


class Dropped(IntEnum):
    """Fields that are counted, as ADV2 has no place for them."""

    STORED_BY = 0
    CREATED = 1
    LAST_UPDATED = 2
    FOLLOWUP_FALSE = 3


class Notice(IntEnum):
    """Readings that are worth a finding."""

    DUPLICATE_KEY = 0
    COC_NUMBER = 1
    AOC_NUMBER = 2
    BLANK_VALUE = 3
    ANNOTATION_TAKEN = 4
    NULL_CELL = 5
    CSV_MISREAD = 6
    CSV_CUT = 7
    COMBO_AND_OPTIONS = 8
    OPTION_LIST = 9
    CONTENT_PASSED = 10


class Spaces(IntEnum):
    """Texts that had white space at their ends."""

    IDENTIFIERS = 0
    TEXTS = 1


class WordPlace(IntEnum):
    """Where words for nothing are looked for."""

    VALUE = 0
    COMMENT = 1
    COC = 2
    AOC = 3


class Fault(IntEnum):
    """Why a scan stopped."""

    NONE = 0
    NO_MEMORY = 1
    TRUNCATED = 2
    SYNTAX = 3
    UTF8 = 4
    CONTROL = 5
    STRUCTURE = 6
    TRAILING = 7
    REPEATED = 8
    DEPTH = 9
    DOUBT = 10
    UNCLOSED_QUOTE = 11
    NEED_MORE = 12
    BLOCK_SIZE = 13
    MANY_KEYS = 14


class RowFlag(IntEnum):
    """What is known of a row."""

    HAS_VALUE = 1
    HAS_COMMENT = 2
    DELETED = 4
    FOLLOWUP_TRUE = 8
    FOLLOWUP_FALSE = 16
    REJECTED = 32
    NOT_DELETED = 64
    CONFLICT = 128


class Tally(Structure):
    """How many rows share something, and the first of them: within the batch, or in a split within the source."""

    count: int
    first: int
    _fields_ = [("count", c_uint64), ("first", c_uint64)]


class Property(Structure):
    """Where a property of the header lies in the scanned block."""

    key_at: int
    key_size: int
    value_at: int
    value_size: int
    _fields_ = [("key_at", c_uint32), ("key_size", c_uint32), ("value_at", c_uint32), ("value_size", c_uint32)]


class Name(Structure):
    """A field by its name."""

    dropped: int
    taken: int
    first: int
    last: int
    field: int
    _fields_ = [("dropped", c_uint64), ("taken", c_uint64), ("first", c_uint64), ("last", c_uint64), ("field",
        c_uint32)]


class BatchReport(Structure):
    """What a scan gives besides rows."""

    rows: int
    rejected: int
    consumed: int
    fault_at: int
    group_at: int
    group_size: int
    property_count: int
    dropped: Array[c_uint64]
    notices: Array[Tally]
    spaces: Array[Tally]
    nothing: Tally
    words: Array[Array[c_uint64]]
    state: int
    fault: int
    properties: _Pointer[Property]
    _fields_ = [("rows", c_uint64), ("rejected", c_uint64), ("consumed", c_uint64), ("fault_at", c_uint64), ("group_at",
        c_uint64), ("group_size", c_uint64), ("property_count", c_uint64), ("dropped", c_uint64 * 4), ("notices", Tally
        * 11), ("spaces", Tally * 2), ("nothing", Tally), ("words", c_uint64 * 26 * 4), ("state", c_uint32), ("fault",
        c_uint32), ("properties", POINTER(Property))]


class Layout(Structure):
    """What the columns of a CSV file mean."""

    columns: int
    meaning: bytes | None
    names: bytes | None
    name_ends: _Pointer[c_uint32]
    delimiter: int
    expected: int
    _fields_ = [("columns", c_uint64), ("meaning", c_char_p), ("names", c_char_p), ("name_ends", POINTER(c_uint32)),
        ("delimiter", c_uint32), ("expected", c_uint32)]


class Lines(Structure):
    """Lines and records counted so far, and what the last byte left behind.

    A record of CSV goes on where a line ends within a quoted cell.
    """

    lines: int
    records: int
    delimiter: int
    quoted: int
    after_quote: int
    in_cell: int
    after_return: int
    _fields_ = [("lines", c_uint64), ("records", c_uint64), ("delimiter", c_uint32), ("quoted", c_uint32),
        ("after_quote", c_uint32), ("in_cell", c_uint32), ("after_return", c_uint32)]


class Blob(Structure):
    """Packed rows, parted by data element: segment i holds those of des[i], from starts[i] to starts[i + 1]."""

    data: int | None
    size: int
    segments: int
    des: _Pointer[c_uint32]
    starts: _Pointer[c_uint64]
    _fields_ = [("data", c_void_p), ("size", c_uint64), ("segments", c_uint64), ("des", POINTER(c_uint32)), ("starts",
        POINTER(c_uint64))]
DISAGREEMENTS = 3
PERIOD_NOTES = 3
PAIRS = 5
PAIR_TEXT = 96
FIELDS_KEPT = 64


class Meaning(Structure):
    """What the ids of a source mean, by id (0: absent); ranks give the order of what is written."""

    rank: Array[_Pointer[c_uint32]]
    period_note: bytes | None
    coc_shape: _Pointer[c_uint32]
    aoc_shape: _Pointer[c_uint32]
    ds: _Pointer[c_uint32]
    header: Array[c_uint32]
    header_ds: int
    seed: int
    _fields_ = [("rank", POINTER(c_uint32) * 4), ("period_note", c_char_p), ("coc_shape", POINTER(c_uint32)),
        ("aoc_shape", POINTER(c_uint32)), ("ds", POINTER(c_uint32)), ("header", c_uint32 * 4), ("header_ds", c_uint32),
        ("seed", c_uint64)]


class Pair(Structure):
    """A row that lost to a later one of its key which says something else.

    Texts: value, value of the later row, comment, comment of the later row.
    """

    row: int
    by_row: int
    ranks: Array[c_uint32]
    flags: int
    by_flags: int
    sizes: Array[c_uint32]
    texts: Array[Array[c_uint8]]
    _fields_ = [("row", c_uint64), ("by_row", c_uint64), ("ranks", c_uint32 * 4), ("flags", c_uint32), ("by_flags",
        c_uint32), ("sizes", c_uint32 * 4), ("texts", c_uint8 * 96 * 4)]


class Keys(Structure):
    """What became of rows that share a key.

    Superseded by the last of them; or rejected, all of them, where only a field that was left out tells them apart.
    """

    superseded: int
    different: int
    clashing: int
    field: Array[c_uint64]
    fields: int
    pairs: int
    pair: Array[Pair]
    _fields_ = [("superseded", c_uint64), ("different", c_uint64), ("clashing", c_uint64), ("field", c_uint64 * 64),
        ("fields", c_uint32), ("pairs", c_uint32), ("pair", Pair * 5)]


class SplitReport(Structure):
    """What a split found."""

    groups: int
    values: int
    rejected: int
    disagree: Array[Tally]
    period_notes: Array[Tally]
    keys: Keys
    has_left_out: int
    _fields_ = [("groups", c_uint64), ("values", c_uint64), ("rejected", c_uint64), ("disagree", Tally * 3),
        ("period_notes", Tally * 3), ("keys", Keys), ("has_left_out", c_uint32)]


class Form(Structure):
    """How a row's indexes are written.

    By rank the index in the group's header (0-based), and for dimensions whose index is more than one number the
    ready text of each.
    """

    index: Array[_Pointer[c_uint32]]
    tokens: Array[c_char_p]
    token_ends: Array[_Pointer[c_uint32]]
    followup_false: int
    rows: int | None
    _fields_ = [("index", POINTER(c_uint32) * 4), ("tokens", c_char_p * 4), ("token_ends", POINTER(c_uint32) * 4),
        ("followup_false", c_uint32), ("rows", c_void_p)]

ReadRun = CFUNCTYPE(c_int64, c_uint32, c_void_p, c_uint64)
"""Fill `buffer` from a run; returns the bytes given, 0 at its end, negative for a failed read."""
PLACES_LIMIT = 64


class Columns(Structure):
    """The columns of a group's batches, as they are handed over.

    Names: of all columns, one after the other, each with its NUL. places: for each index column the place that rows
    have for it, -1 where its index is always 0. Behind the row's number and the index columns come value, deleted,
    followup, comment, and texts - 2 more.
    """

    indexes: int
    texts: int
    places: _Pointer[c_int32]
    names: bytes | None
    names_size: int
    _fields_ = [("indexes", c_uint32), ("texts", c_uint32), ("places", POINTER(c_int32)), ("names", c_char_p),
        ("names_size", c_uint64)]


class Capsule(IntEnum):
    """What a capsule of the Arrow C data interface holds."""

    SCHEMA = 0
    ARRAY = 1
    STREAM = 2

OpenCapsule = CFUNCTYPE(c_void_p, c_void_p, c_char_p)
"""The interpreter's function that opens capsules."""


class RowsState(IntEnum):
    """Where a scan of ADV2 rows stands: behind the [, behind a comma, behind a row, behind the ]."""

    FIRST = 0
    NEXT = 1
    AFTER = 2
    END = 3


class Flaw(IntEnum):
    """Why a row is ignored."""

    NONE = 0
    NO_ARRAY = 1
    TOO_SHORT = 2
    TOO_LONG = 3
    INDEX_TYPE = 4
    INDEX_RANGE = 5
    ORDER = 6
    REPEATED = 7
    VALUE_TYPE = 8
    VALUE_NULL = 9
    TEXT_LONG = 10
    UNSTORABLE = 11
    DELETED_TYPE = 12
    FOLLOWUP_TYPE = 13
    COMMENT_TYPE = 14
    COMMENT_LONG = 15
    NOT_NUMBER = 16
    NOT_WHOLE = 17
    OUT_OF_RANGE = 18
    JUDGED_VALUE = 19
    JUDGED_COMMENT = 20
    REFUSED = 21
    STAMP = 22


class ValueRule(IntEnum):
    """How values are judged. INTEGER drops one .0 at the end, as DHIS2 2.43 does; DIGITS, of 2.42, does not."""

    NONE = 0
    NUMBER = 1
    INTEGER = 2
    JUDGED = 3
    DIGITS = 4


class RowRules(Structure):
    """What a header allows its rows."""

    places: int
    sizes: Array[c_uint32]
    block_places: int
    rule: int
    minimum: int
    maximum: int
    judges_comments: int
    comment_limit: int
    restores: int
    apart: int
    refused: Array[c_char_p]
    key_bytes: int
    _fields_ = [("places", c_uint32), ("sizes", c_uint32 * 64), ("block_places", c_uint32), ("rule", c_uint32),
        ("minimum", c_int64), ("maximum", c_int64), ("judges_comments", c_uint32), ("comment_limit", c_uint32),
        ("restores", c_uint32), ("apart", c_uint32), ("refused", c_char_p * 64), ("key_bytes", c_uint64)]


class Run(Structure):
    """Rows row to row + count - 1 share a flaw; the span is that of the first in its block."""

    row: int
    count: int
    at: int
    size: int
    mark: int
    flaw: int
    position: int
    verdict: int
    _fields_ = [("row", c_uint64), ("count", c_uint64), ("at", c_uint64), ("size", c_uint64), ("mark", c_uint64),
        ("flaw", c_uint32), ("position", c_uint32), ("verdict", c_uint32)]


class RowsReport(Structure):
    """What a scan of one group's rows found: in all, and runs in the block that was judged last."""

    rows: int
    accepted: int
    ignored: int
    consumed: int
    fault_at: int
    run_count: int
    state: int
    fault: int
    runs: _Pointer[Run]
    _fields_ = [("rows", c_uint64), ("accepted", c_uint64), ("ignored", c_uint64), ("consumed", c_uint64), ("fault_at",
        c_uint64), ("run_count", c_uint64), ("state", c_uint32), ("fault", c_uint32), ("runs", POINTER(Run))]
PIECES_LIMIT = 160


class PieceKind(IntEnum):
    """What a piece writes: texts by the indexes at its places; or four texts, as listed."""

    PLACES = 0
    VALUE = 1
    DECIMAL = 2
    OTHER = 3
    DELETED = 4
    FOLLOWUP = 5
    COMMENT = 6


class Escape(IntEnum):
    """How values and comments are written."""

    JSON = 0
    CSV = 1
    XML = 2


class JoinReport(Structure):
    """What became of the rows so far.

    A row that a piece cannot state is left out whole, and counted under that piece.
    """

    written: int
    left_out: int
    misread: int
    first_misread: int
    unstated: Array[c_uint64]
    first_unstated: Array[c_uint64]
    _fields_ = [("written", c_uint64), ("left_out", c_uint64), ("misread", c_uint64), ("first_misread", c_uint64),
        ("unstated", c_uint64 * 160), ("first_unstated", c_uint64 * 160)]

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "tp_digest": (c_char_p, []),
    "tp_batch_new": (c_void_p, [c_uint64]),
    "tp_batch_free": (None, [c_void_p]),
    "tp_batch_report": (POINTER(BatchReport), [c_void_p]),
    "tp_batch_row_span": (None, [c_void_p, c_uint64, POINTER(c_uint32), POINTER(c_uint32)]),
    "tp_batch_names": (c_uint32, [c_void_p]),
    "tp_batch_name": (c_void_p, [c_void_p, c_uint32, POINTER(c_uint64), POINTER(Name)]),
    "tp_scan_json": (None, [c_void_p, c_void_p, c_uint64, c_uint32, c_uint32, c_uint32]),
    "tp_scan_csv": (None, [c_void_p, c_void_p, c_uint64, POINTER(Layout), c_uint32]),
    "tp_scan_xml": (None, [c_void_p, c_void_p, c_uint64, c_uint32, c_uint32, c_uint32]),
    "tp_scan_tuples": (None, [c_void_p, c_void_p, c_uint64, c_uint32]),
    "tp_cut_json": (c_uint64, [c_void_p, c_uint64]),
    "tp_cut_csv": (c_uint64, [c_void_p, c_uint64]),
    "tp_cut_xml": (c_uint64, [c_void_p, c_uint64, c_void_p, c_uint64]),
    "tp_lines_count": (None, [POINTER(Lines), c_void_p, c_uint64]),
    "tp_count_lines": (c_uint64, [c_void_p, c_uint64]),
    "tp_field_named": (c_uint32, [c_void_p, c_uint64, POINTER(c_uint32)]),
    "tp_name_hash": (c_uint64, [c_void_p, c_uint64, c_uint64]),
    "tp_word": (c_char_p, [c_uint32]),
    "tp_dictionaries_new": (c_void_p, [c_uint64]),
    "tp_dictionaries_free": (None, [c_void_p]),
    "tp_dictionaries_size": (c_uint64, [c_void_p]),
    "tp_dictionary_count": (c_uint32, [c_void_p, c_uint32]),
    "tp_dictionary_add": (c_uint32, [c_void_p, c_uint32, c_void_p, c_uint64]),
    "tp_dictionary_text": (c_void_p, [c_void_p, c_uint32, POINTER(POINTER(c_uint32))]),
    "tp_rejects_new": (c_void_p, []),
    "tp_rejects_free": (None, [c_void_p]),
    "tp_rejects_next": (c_uint64, [c_void_p, c_uint64]),
    "tp_rejects_bits": (c_void_p, [c_void_p]),
    "tp_pack": (POINTER(Blob), [c_void_p, c_void_p, c_void_p, c_uint64]),
    "tp_blob_free": (None, [POINTER(Blob)]),
    "tp_split": (c_void_p, [POINTER(c_void_p), POINTER(c_uint64), c_uint64, POINTER(Meaning), c_void_p, c_uint32]),
    "tp_split_free": (None, [c_void_p]),
    "tp_split_report": (POINTER(SplitReport), [c_void_p]),
    "tp_split_group": (None, [c_void_p, c_uint64, POINTER(c_uint32), POINTER(c_uint32), POINTER(c_uint32),
        POINTER(c_uint64)]),
    "tp_split_render": (c_void_p, [c_void_p, c_uint64, POINTER(Form), POINTER(c_uint64)]),
    "tp_split_run": (c_void_p, [c_void_p, c_uint64, POINTER(c_uint64)]),
    "tp_bytes_free": (None, [c_void_p]),
    "tp_row_numbers_new": (c_void_p, []),
    "tp_row_numbers_free": (None, [c_void_p]),
    "tp_row_numbers_take": (c_void_p, [c_void_p, POINTER(c_uint64)]),
    "tp_used_new": (c_void_p, [c_uint32]),
    "tp_used_free": (None, [c_void_p]),
    "tp_used_clear": (None, [c_void_p]),
    "tp_used_add": (c_uint32, [c_void_p, c_void_p, c_uint64]),
    "tp_used_split": (c_uint32, [c_void_p, c_void_p, c_uint64, c_uint32]),
    "tp_used_settle": (None, [c_void_p]),
    "tp_used_ranks": (POINTER(c_uint32), [c_void_p, POINTER(c_uint64)]),
    "tp_used_index": (POINTER(c_uint32), [c_void_p]),
    "tp_merge_new": (c_void_p, [c_uint32, ReadRun, c_void_p]),
    "tp_merge_free": (None, [c_void_p]),
    "tp_merge_survey": (c_uint32, [c_void_p, POINTER(c_void_p)]),
    "tp_merge_rewind": (c_uint32, [c_void_p]),
    "tp_merge_cut": (c_uint32, [c_void_p]),
    "tp_merge_next": (c_void_p, [c_void_p, POINTER(Form), c_uint64, POINTER(c_uint64), POINTER(c_uint64),
        POINTER(Keys)]),
    "tp_row_batch_free": (None, [c_void_p]),
    "tp_row_batch_rows": (c_uint64, [c_void_p]),
    "tp_row_batch_size": (c_uint64, [c_void_p]),
    "tp_row_batch_numbers": (POINTER(c_int64), [c_void_p]),
    "tp_row_batch_indexes": (POINTER(c_int32), [c_void_p, c_uint32]),
    "tp_row_batch_texts": (c_void_p, [c_void_p, c_uint32, POINTER(POINTER(c_int32)), POINTER(c_void_p)]),
    "tp_row_batch_flags": (c_void_p, [c_void_p, c_uint32, POINTER(c_void_p)]),
    "tp_arrow_schema": (c_void_p, [POINTER(Columns)]),
    "tp_arrow_array": (c_void_p, [c_void_p, POINTER(Columns)]),
    "tp_arrow_stream": (c_void_p, [POINTER(c_void_p), c_uint64, POINTER(Columns)]),
    "tp_capsule_name": (c_void_p, [c_uint32]),
    "tp_capsules_by": (None, [OpenCapsule]),
    "tp_schema_capsule_free": (None, [c_void_p]),
    "tp_array_capsule_free": (None, [c_void_p]),
    "tp_stream_capsule_free": (None, [c_void_p]),
    "tp_copy_text_new": (c_void_p, [c_uint32, POINTER(c_uint64), c_void_p]),
    "tp_copy_text_free": (None, [c_void_p]),
    "tp_copy_text": (c_void_p, [c_void_p, c_void_p, c_uint64, c_uint64, c_int64, POINTER(c_uint64)]),
    "tp_scan_head": (None, [c_void_p, c_void_p, c_uint64, c_uint32]),
    "tp_rows_new": (c_void_p, [POINTER(RowRules), c_uint64]),
    "tp_rows_free": (None, [c_void_p]),
    "tp_rows_report": (POINTER(RowsReport), [c_void_p]),
    "tp_rows_scan": (None, [c_void_p, c_void_p, c_uint64, c_uint32, c_uint32]),
    "tp_rows_scanned": (c_uint64, [c_void_p]),
    "tp_rows_texts": (c_uint32, [c_void_p, c_uint32]),
    "tp_rows_text": (c_void_p, [c_void_p, c_uint32, POINTER(POINTER(c_uint32))]),
    "tp_rows_judge": (None, [c_void_p, c_void_p, c_void_p, c_uint32]),
    "tp_rows_batch": (c_void_p, [c_void_p, c_void_p]),
    "tp_rows_named": (c_void_p, [c_void_p]),
    "tp_join_new": (c_void_p, [c_uint32, c_uint32, POINTER(c_uint64), c_uint32, c_void_p, c_uint64]),
    "tp_join_free": (None, [c_void_p]),
    "tp_join_report": (POINTER(JoinReport), [c_void_p]),
    "tp_join_piece": (c_uint32, [c_void_p, c_uint32, c_uint32, c_uint32, c_uint32, c_void_p, POINTER(c_uint64),
        c_void_p]),
    "tp_join_rows": (c_void_p, [c_void_p, c_void_p, POINTER(c_uint64), POINTER(c_uint64)]),
    "tp_join_end": (c_uint32, [c_void_p]),
}
