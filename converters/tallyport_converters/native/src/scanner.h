/* The public face of the scanner: every exported function, and every structure and number that its callers share.
 *
 * generate_abi.py makes native/abi.py of it in every build, and puts the digest below: run it after any change. It reads
 * `#define`s of numbers, enumerations, structures, one type of function pointer and functions; a comment goes with what
 * follows it.
 * `const uint8_t *` in a structure is a text that the caller keeps. Structures that are only named are the library's own.
 * NULL or 0 from a function that makes something: out of memory. Nothing here keeps state between calls but its objects;
 * one object is for one thread at a time.
 */
#ifndef TALLYPORT_SCANNER_H
#define TALLYPORT_SCANNER_H

#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define SCANNER_DIGEST "5a263c658005cf45"

/* The digest that the library was built with: a caller of another one must not call anything else. */
EXPORT const char *tp_digest(void);

/* Rows of legacy files */

#define KINDS 6
#define DIMENSIONS 4        /* of an ADV2 row's key: period, organisation unit, both option combos */
#define DROPPED_COUNT 4
#define NOTICE_COUNT 11
#define SPACES_COUNT 2
#define WORD_PLACES 4
#define WORDS 26            /* for nothing */
#define COLUMN_AGAIN 32     /* and a Column: one that means what another column means by another name */
#define NAMED_SHORT 16      /* and a NamedBy: so short a name may be a category's */
#define NO_RANK 0xFFFFFFFF  /* of an identifier that rejects its row, or of a header that names none */

/* Dictionaries of identifiers. */
enum Kind { DE, PE, OU, COC, AOC, DS };

/* What a field of a row means; below KINDS: an identifier, as Kind. */
enum Field {
    FIELD_VALUE = KINDS,
    FIELD_COMMENT,
    FIELD_FOLLOWUP,
    FIELD_DELETED,
    FIELD_STORED_BY,
    FIELD_CREATED,
    FIELD_LAST_UPDATED,
    FIELD_UNKNOWN,
    FIELD_PASSED,        /* known, and of no use here */
    FIELD_LEFT_OUT,      /* an object of fields that nobody understands: our own general readers hand it on */
    FIELD_LEFT_OUT_OF_GROUP,
    FIELD_DOUBLED,       /* there, where two fields of the row mean the same and differ */
    FIELD_COMPLETE_DATE, /* of an ADX group, as the next */
    FIELD_NO_PLACE       /* known, and said of a group; counted */
};

/* How a name says what a field means. All but the first give way where the row has the field by a better name. */
enum NamedBy { NAMED_BY_OTHERWISE = 1, NAMED_BY_CODE, NAMED_BY_NAME, NAMED_BY_OLD_NAME };

/* What a CSV column means; below KINDS: an identifier, as Kind. */
enum Column {
    COLUMN_VALUE = KINDS,
    COLUMN_COMMENT,
    COLUMN_FOLLOWUP,
    COLUMN_DELETED,
    COLUMN_STORED_BY,
    COLUMN_CREATED,
    COLUMN_LAST_UPDATED,
    COLUMN_ATTRIBUTE_COMBO,
    COLUMN_ATTRIBUTE_OPTIONS,
    COLUMN_CATEGORY, /* named by its header: category -> option */
    COLUMN_OPTION,   /* an option without its category: the next in the order of their columns */
    COLUMN_ATTRIBUTE_CATEGORY,
    COLUMN_ATTRIBUTE_OPTION,
    COLUMN_DROPPED,  /* named by its header: counted, as nobody understands it */
    COLUMN_COUNTED,  /* the same, and of no use whatever it says: a row's name */
    COLUMN_PASSED    /* a later column of its name is taken, which was reported: not counted */
};

/* Fields that are counted, as ADV2 has no place for them. */
enum Dropped { DROPPED_STORED_BY, DROPPED_CREATED, DROPPED_LAST_UPDATED, DROPPED_FOLLOWUP_FALSE };

/* Readings that are worth a finding. */
enum Notice {
    NOTICE_DUPLICATE_KEY,
    NOTICE_COC_NUMBER,
    NOTICE_AOC_NUMBER,
    NOTICE_BLANK_VALUE,
    NOTICE_ANNOTATION_TAKEN,
    NOTICE_NULL_CELL,
    NOTICE_CSV_MISREAD,
    NOTICE_CSV_CUT,
    NOTICE_COMBO_AND_OPTIONS,
    NOTICE_OPTION_LIST,
    NOTICE_CONTENT_PASSED
};

/* Texts that had white space at their ends. */
enum Spaces { SPACES_IDENTIFIERS, SPACES_TEXTS };

/* Where words for nothing are looked for. */
enum WordPlace { WORD_VALUE, WORD_COMMENT, WORD_COC, WORD_AOC };

/* Why a scan stopped. */
enum Fault {
    FAULT_NONE,
    FAULT_NO_MEMORY,
    FAULT_TRUNCATED,      /* the input ends within a structure */
    FAULT_SYNTAX,         /* a character that the grammar does not allow */
    FAULT_UTF8,           /* bytes that are no UTF-8 */
    FAULT_CONTROL,        /* a control character within a JSON string */
    FAULT_STRUCTURE,      /* well formed, but no data value set */
    FAULT_TRAILING,       /* something stands behind the end */
    FAULT_REPEATED,       /* a second `dataValues` */
    FAULT_DEPTH,          /* nested too deep */
    FAULT_DOUBT,          /* XML beyond the subset that is read here: the general parser must decide */
    FAULT_UNCLOSED_QUOTE, /* CSV */
    FAULT_NEED_MORE,      /* the block ends within a unit: only heads of ADV2 groups are left with it */
    FAULT_BLOCK_SIZE,     /* the block has 1 GiB or more: a fault of the caller */
    FAULT_MANY_KEYS       /* ADV2: finding repeats would take more memory than there may be */
};

/* What is known of a row. */
enum RowFlag {
    ROW_HAS_VALUE = 1,
    ROW_HAS_COMMENT = 2,
    ROW_DELETED = 4,
    ROW_FOLLOWUP_TRUE = 8,
    ROW_FOLLOWUP_FALSE = 16,
    ROW_REJECTED = 32,
    ROW_NOT_DELETED = 64, /* said in so many words */
    ROW_CONFLICT = 128    /* two fields of the row mean the same and differ */
};

/* How many rows share something, and the first of them: within the batch, or in a split within the source. */
typedef struct {
    uint64_t count, first;
} Tally;

/* Where a property of the header lies in the scanned block. */
typedef struct {
    uint32_t key_at, key_size, value_at, value_size;
} Property;

/* A field by its name. */
typedef struct {
    uint64_t dropped, taken; /* rows that have it: without a place, or for what its name was taken */
    uint64_t first, last;    /* the first of them; 1 + the last row in which it was seen */
    uint32_t field;          /* what it was taken for, as Field */
} Name;

/* What a scan gives besides rows. */
typedef struct {
    uint64_t rows, rejected, consumed, fault_at, group_at, group_size, property_count;
    uint64_t dropped[DROPPED_COUNT];
    Tally notices[NOTICE_COUNT];
    Tally spaces[SPACES_COUNT]; /* texts, not rows */
    Tally nothing;              /* rows that have a word for nothing */
    uint64_t words[WORD_PLACES][WORDS];
    uint32_t state, fault;
    Property *properties;
} BatchReport;

/* Whose cells they are. A table's are exact: every text is quoted, and only what is not quoted is not there. */
enum Cells {
    CELLS_OF_CSV,
    CELLS_OF_TABLE, /* the texts are a person's: tidied as those of a file */
    CELLS_OF_ADV2   /* the texts are those of rows of ADV2: nothing is tidied, and an empty comment is one */
};

/* What the columns of a CSV file mean. */
typedef struct {
    uint64_t columns;
    const uint8_t *meaning; /* Column of each */
    const uint8_t *names;   /* the header cells, one behind the other */
    const uint32_t *name_ends;
    uint32_t delimiter;
    uint32_t expected; /* cells that a row is held to; 0: none, as no header row says how many */
    uint32_t cells;    /* as Cells */
} Layout;

/* Lines and records counted so far, and what the last byte left behind. A record of CSV goes on where a line ends within
 * a quoted cell. */
typedef struct {
    uint64_t lines, records;
    uint32_t delimiter; /* of cells; 0: no CSV, where each line is a record */
    uint32_t quoted, after_quote, in_cell, after_return;
} Lines;

/* The rows of one block, with dictionaries of their own. */
typedef struct Batch Batch;

/* `seed` differs from run to run, so that no input can be made to collide. */
EXPORT Batch *tp_batch_new(uint64_t seed);
EXPORT void tp_batch_free(Batch *batch);
EXPORT const BatchReport *tp_batch_report(const Batch *batch);
EXPORT void tp_batch_row_span(const Batch *batch, uint64_t row, uint32_t *at, uint32_t *size);
EXPORT uint32_t tp_batch_names(const Batch *batch);
EXPORT const uint8_t *tp_batch_name(const Batch *batch, uint32_t id, uint64_t *size, Name *name);

/* Texts, one behind the other: that of `id`, from 1 on, ends at ends[id]. */
typedef struct {
    const uint8_t *data;
    const uint32_t *ends;
    uint64_t count;
} Texts;

/* Rows that are looked for, by what is known of them in their batch: all that is given has to hold. */
typedef struct {
    const uint8_t *ids[KINDS]; /* by id in the batch's dictionary, 0 for an absent one: 1 where it will do; NULL: all */
    const uint8_t *flags;      /* the same by the lowest 8 flags, as RowFlag; NULL: all */
    Texts values, comments;    /* one of them; none given: all. An empty text is that of a row without one */
} RowsWanted;

/* The distinct identifiers of a batch's rows. */
EXPORT uint32_t tp_batch_ids(const Batch *batch, uint32_t kind);
EXPORT const uint8_t *tp_batch_text(const Batch *batch, uint32_t kind, const uint32_t **ends);
/* The first row from `row` on that is wanted, UINT64_MAX where there is none. A rejected row may be: it is told apart by
 * whoever reads it again. */
EXPORT uint64_t tp_batch_find(const Batch *batch, const RowsWanted *wanted, uint64_t row);

/* The scanners. Each reads what is whole of a block, up to `consumed`; what is behind that belongs in front of the next
 * block, whose scan starts in the `state` that this one left (0 at first). `final`: there is no next one. At a fault what
 * was read before it stands. */
EXPORT void tp_scan_json(Batch *batch, const uint8_t *block, uint64_t size, uint32_t state, uint32_t final,
                         uint32_t row_data_set);
EXPORT void tp_scan_csv(Batch *batch, const uint8_t *block, uint64_t size, const Layout *layout, uint32_t final);
EXPORT void tp_scan_xml(Batch *batch, const uint8_t *block, uint64_t size, uint32_t is_adx, uint32_t state,
                        uint32_t final);
EXPORT void tp_scan_tuples(Batch *batch, const uint8_t *block, uint64_t size, uint32_t final);

/* Where a block may be cut, so that what follows probably starts with a row; 0: nowhere. Only a guess: a string may hold
 * the same bytes. Whoever scans from a guess has it confirmed by the scan of the block before. */
EXPORT uint64_t tp_cut_json(const uint8_t *block, uint64_t size);
EXPORT uint64_t tp_cut_csv(const uint8_t *block, uint64_t size);
EXPORT uint64_t tp_cut_xml(const uint8_t *block, uint64_t size, const uint8_t *tag, uint64_t tag_size);
EXPORT void tp_lines_count(Lines *lines, const uint8_t *block, uint64_t size);

/* What a field means by a name that is not DHIS2's own, as Field; `named_by` is set. */
EXPORT uint32_t tp_field_named(const uint8_t *name, uint64_t size, uint32_t *named_by);
/* What stands for a name in Keys. */
EXPORT uint64_t tp_name_hash(const uint8_t *name, uint64_t size, uint64_t seed);
/* A word for nothing, by its number from 0. */
EXPORT const char *tp_word(uint32_t number);

/* Sources: their identifiers, rejected rows, and packed rows */

typedef struct Dictionaries Dictionaries;
typedef struct Rejects Rejects;

/* Packed rows, parted by data element: segment i holds those of des[i], from starts[i] to starts[i + 1]. */
typedef struct {
    uint8_t *data;
    uint64_t size, segments;
    uint32_t *des;
    uint64_t *starts;
} Blob;

EXPORT Dictionaries *tp_dictionaries_new(uint64_t seed);
EXPORT void tp_dictionaries_free(Dictionaries *all);
EXPORT uint64_t tp_dictionaries_size(const Dictionaries *all);
EXPORT uint32_t tp_dictionary_count(const Dictionaries *all, uint32_t kind);
EXPORT uint32_t tp_dictionary_add(Dictionaries *all, uint32_t kind, const uint8_t *text, uint64_t size);
/* All texts of a kind, one behind the other: that of `id` ends at ends[id]. */
EXPORT const uint8_t *tp_dictionary_text(const Dictionaries *all, uint32_t kind, const uint32_t **ends);
EXPORT Rejects *tp_rejects_new(void);
EXPORT void tp_rejects_free(Rejects *rejects);
/* The first rejected row from `row` on, UINT64_MAX where there is none. */
EXPORT uint64_t tp_rejects_next(const Rejects *rejects, uint64_t row);
/* The bits: valid until the next tp_pack. */
EXPORT uint8_t *tp_rejects_bits(const Rejects *rejects);
/* Merge a batch into its source, whose index of the batch's first row is `first_row`. */
EXPORT Blob *tp_pack(const Batch *batch, Dictionaries *all, Rejects *rejects, uint64_t first_row);
EXPORT void tp_blob_free(Blob *blob);

/* Groups of one data element's values */

#define DISAGREEMENTS 3 /* period, organisation unit, attribute option combo */
#define PERIOD_NOTES 3  /* none, and how a period was read */
#define PAIRS 5         /* that are kept as a sample */
#define PAIR_TEXT 96    /* bytes of a text that a pair keeps */
#define FIELDS_KEPT 64  /* names of fields that tell rows of one key apart */

/* What the ids of a source mean, by id (0: absent); ranks give the order of what is written. */
typedef struct {
    const uint32_t *rank[DIMENSIONS];      /* NO_RANK: the row is rejected */
    const uint8_t *period_note;            /* 0 none, 1 and 2: how the period was read */
    const uint32_t *coc_shape, *aoc_shape; /* by rank: rows of one group share both */
    const uint32_t *ds;                    /* by id: rank of the data set; 0: none */
    uint32_t header[DIMENSIONS];           /* ranks that stand in for absent ones; NO_RANK: none */
    uint32_t header_ds;
    uint64_t seed;
} Meaning;

/* A row that lost to a later one of its key which says something else. Texts: value, value of the later row, comment,
 * comment of the later row. */
typedef struct {
    uint64_t row, by_row;
    uint32_t ranks[DIMENSIONS];
    uint32_t flags, by_flags;
    uint32_t sizes[4]; /* of the whole texts */
    uint8_t texts[4][PAIR_TEXT];
} Pair;

/* What became of rows that share a key: superseded by the last of them; or rejected, all of them, where only a field
 * that was left out tells them apart. */
typedef struct {
    uint64_t superseded, different; /* different: the last row has another value, comment or mark */
    uint64_t clashing;              /* rows that were rejected */
    uint64_t field[FIELDS_KEPT];    /* hashes of the names of the fields that differ */
    uint32_t fields, pairs;
    Pair pair[PAIRS]; /* those of the first rows that lost, in no order */
} Keys;

/* What a split found. */
typedef struct {
    uint64_t groups, values, rejected;
    Tally disagree[DISAGREEMENTS], period_notes[PERIOD_NOTES];
    Keys keys;
    uint32_t has_left_out; /* some row has fields that were left out */
} SplitReport;

/* Groups of one data element's values, sorted; of each key the last row, unless they are to be merged. */
typedef struct Split Split;
/* Numbers of rows within their source, 8 bytes each, in the order in which the rows were written. */
typedef struct RowNumbers RowNumbers;
/* Which ranks of one dimension a group names: kept from group to group, so that a group costs what it names. */
typedef struct Used Used;
/* Sorted runs of one group, merged. */
typedef struct Merge Merge;

/* How a row's indexes are written: by rank the index in the group's header (0-based), and for dimensions whose index
 * is more than one number the ready text of each. */
typedef struct {
    const uint32_t *index[DIMENSIONS];      /* by rank; NULL: the dimension takes no place */
    const uint8_t *tokens[DIMENSIONS];      /* NULL: the index itself is written */
    const uint32_t *token_ends[DIMENSIONS]; /* by index */
    uint32_t followup_false;                /* write an explicit false */
    RowNumbers *rows;                       /* takes each row's number; NULL: nobody asks */
} Form;

/* Split packed rows, given in row order as `segments` parts. They are changed: ranks take the place of ids.
 * Rejected rows are marked in `bits`, which threads may share. `as_run`: there are more, so that rows of equal keys are
 * left for a merge to settle. */
EXPORT Split *tp_split(uint8_t **parts, const uint64_t *sizes, uint64_t segments, const Meaning *meaning, uint8_t *bits,
                       uint32_t as_run);
EXPORT void tp_split_free(Split *split);
EXPORT const SplitReport *tp_split_report(const Split *split);
EXPORT void tp_split_group(const Split *split, uint64_t group, uint32_t *ds, uint32_t *coc_shape, uint32_t *aoc_shape,
                           uint64_t *count);
/* The rows of a group as ADV2 text, each behind a comma and line feed but the first. Free with tp_bytes_free. */
EXPORT uint8_t *tp_split_render(const Split *split, uint64_t group, const Form *form, uint64_t *size);
/* The values of a group as a sorted run for a later merge. Free with tp_bytes_free. */
EXPORT uint8_t *tp_split_run(const Split *split, uint64_t group, uint64_t *size);
EXPORT void tp_bytes_free(uint8_t *data);

EXPORT RowNumbers *tp_row_numbers_new(void);
EXPORT void tp_row_numbers_free(RowNumbers *numbers);
/* All numbers since the last call; valid until the next row is written. */
EXPORT const uint8_t *tp_row_numbers_take(RowNumbers *numbers, uint64_t *size);

EXPORT Used *tp_used_new(uint32_t room);
EXPORT void tp_used_free(Used *used);
EXPORT void tp_used_clear(Used *used);
/* Add ranks, 4 bytes each; 0: out of memory, or one that there is not. */
EXPORT uint32_t tp_used_add(Used *used, const uint8_t *ranks, uint64_t count);
/* Add those of a group. */
EXPORT uint32_t tp_used_split(Used *used, const Split *split, uint64_t group, uint32_t dimension);
/* Put the ranks in order and give each its index. */
EXPORT void tp_used_settle(Used *used);
EXPORT const uint32_t *tp_used_ranks(const Used *used, uint64_t *count);
/* The indexes, by rank. */
EXPORT const uint32_t *tp_used_index(const Used *used);

/* Fill `buffer` from a run; returns the bytes given, 0 at its end, negative for a failed read. */
typedef int64_t (*ReadRun)(uint32_t run, uint8_t *buffer, uint64_t size);

/* `bits`: where rejected rows are marked, which threads may share. */
EXPORT Merge *tp_merge_new(uint32_t runs, ReadRun read, uint8_t *bits);
EXPORT void tp_merge_free(Merge *merge);
/* Go over all runs: find the keys whose rows clash, and mark in `used`, by dimension, the ranks of the others. The runs
 * have to be read from their beginnings again by a call of tp_merge_rewind. 0: out of memory, or a failed read. */
EXPORT uint32_t tp_merge_survey(Merge *merge, Used **used);
EXPORT uint32_t tp_merge_rewind(Merge *merge);
/* Whether a run ended within a value: it was cut, and there is nothing more to be had. */
EXPORT uint32_t tp_merge_cut(const Merge *merge);
/* The next piece of rows, of about `piece` bytes; empty at the end. `written` and `keys` are counted on.
 * NULL: out of memory, a failed read, or a run that was cut. */
EXPORT const uint8_t *tp_merge_next(Merge *merge, const Form *form, uint64_t piece, uint64_t *size, uint64_t *written,
                                    Keys *keys);

/* Rows of ADV2 in columns, as Arrow has them */

#define PLACES_LIMIT 64 /* indexes that a row may have */

/* A batch of rows in columns. Whoever holds it counts; the last to let go frees it. Any thread may read it. */
typedef struct RowBatch RowBatch;
/* Writes rows of a group as text for PostgreSQL's COPY. */
typedef struct CopyText CopyText;

/* The columns of a group's batches, as they are handed over. `names`: of all columns, one after the other, each with its
 * NUL. `places`: for each index column the place that rows have for it, -1 where its index is always 0. Behind the row's
 * number and the index columns come value, deleted, followup, comment, and `texts` - 2 more. */
typedef struct {
    uint32_t indexes, texts;
    const int32_t *places;
    const char *names;
    uint64_t names_size;
} Columns;

/* What a capsule of the Arrow C data interface holds. */
enum Capsule { CAPSULE_SCHEMA, CAPSULE_ARRAY, CAPSULE_STREAM };

/* The interpreter's function that opens capsules. */
typedef void *(*OpenCapsule)(void *capsule, const char *name);

EXPORT void tp_row_batch_free(RowBatch *batch);
EXPORT uint64_t tp_row_batch_rows(const RowBatch *batch);
EXPORT uint64_t tp_row_batch_size(const RowBatch *batch);
EXPORT const int64_t *tp_row_batch_numbers(const RowBatch *batch);
EXPORT const int32_t *tp_row_batch_indexes(const RowBatch *batch, uint32_t place);
/* A column of texts: that of row i is from ends[i] to before ends[i + 1]; `given` NULL: every row has one. */
EXPORT const uint8_t *tp_row_batch_texts(const RowBatch *batch, uint32_t column, const int32_t **ends,
                                         const uint8_t **given);
EXPORT const uint8_t *tp_row_batch_flags(const RowBatch *batch, uint32_t followup, const uint8_t **given);
/* Structures of the Arrow C data interface, each for a capsule of its own, and what frees such capsules. */
EXPORT void *tp_arrow_schema(const Columns *columns);
EXPORT void *tp_arrow_array(RowBatch *batch, const Columns *columns);
EXPORT void *tp_arrow_stream(RowBatch *const *batches, uint64_t count, const Columns *columns);
/* What a capsule is called: it goes by this name for as long as it is there. */
EXPORT const void *tp_capsule_name(uint32_t kind);
EXPORT void tp_capsules_by(OpenCapsule opens);
EXPORT void tp_schema_capsule_free(void *capsule);
EXPORT void tp_array_capsule_free(void *capsule);
EXPORT void tp_stream_capsule_free(void *capsule);

/* Texts or days that rows of many batches refer to by number; whoever uses them holds them. */
typedef struct Entries Entries;

/* What a column of a table holds: the entry that an index leads to, or what the row has itself. */
enum TableSource {
    TABLE_TEXT, /* entries that are texts */
    TABLE_DAY,  /* entries that are days since 1970 */
    TABLE_VALUE,
    TABLE_NUMBER, /* the value where it is a number */
    TABLE_DELETED,
    TABLE_FOLLOWUP,
    TABLE_COMMENT,
    TABLE_ROW
};

/* A column of a table. `place`: the first of the index columns that count, of `sizes`, read as one number; none of them: its
 * index is always 0. `through`: the entry for each index, -1 for none; NULL: the index itself. `entries` NULL: no row has
 * one. */
typedef struct {
    uint32_t source, place, indexes;
    const int32_t *sizes;
    const int32_t *through;
    Entries *entries;
} TableColumn;

/* The columns of a table. `names`: one after the other, each with its NUL. `views`: texts lie as views, not end to end. */
typedef struct {
    const TableColumn *columns;
    uint32_t count, views;
    const char *names;
    uint64_t names_size;
} TableForm;

/* Texts one after the other with their ends, or `days`; `given`: a byte each, 0 where there is none. NULL: out of memory. */
EXPORT Entries *tp_entries_new(uint64_t count, const uint8_t *given, const uint8_t *text, const int32_t *ends,
                               const int32_t *days);
EXPORT void tp_entries_free(Entries *entries);
/* Structures for capsules: rows `from` to before `to` of a batch, spelled out; nothing of the batch is kept. NULL: out of
 * memory, or the texts of a column take 2 GiB. */
EXPORT void *tp_table_schema(const TableForm *form);
EXPORT void *tp_table_array(const RowBatch *batch, const TableForm *form, uint64_t from, uint64_t to);

/* Moves the next of `tables` to `array`, an ArrowArray, which stays empty at the end; 1 and a `message` of at most `size`
 * bytes, with its NUL, where it cannot. */
typedef uint32_t (*NextTable)(void *tables, void *array, void *message, uint64_t size);
/* The interpreter's functions that take its lock, give it back, and let go of an object. */
typedef uint32_t (*TakeLock)(void);
typedef void (*GiveLock)(uint32_t state);
typedef void (*LetGo)(void *object);

/* What a stream of tables calls, on whatever thread its user has. */
typedef struct {
    NextTable next;
    TakeLock take_lock;
    GiveLock give_lock;
    LetGo let_go;
} StreamCalls;

/* A stream of `tables`, an object of the interpreter that it lets go of at its end. NULL: out of memory. */
EXPORT void *tp_table_stream(const TableForm *form, const StreamCalls *calls, void *tables);
/* Move an ArrowArray from memory of its own, which is freed. */
EXPORT void tp_array_move(void *from, void *to);

/* `sizes`: of the dimensions that rows have an index for; `last`: 1 where a place ends with it, as that of a combo may be
 * made of several indexes. */
EXPORT CopyText *tp_copy_text_new(uint32_t places, const uint64_t *sizes, const uint8_t *last);
EXPORT void tp_copy_text_free(CopyText *copy);
/* Rows `from` to before `to` as lines, each behind `group` unless that is negative. Valid until the next call; NULL: out of
 * memory. */
EXPORT const uint8_t *tp_copy_text(CopyText *copy, const RowBatch *batch, uint64_t from, uint64_t to, int64_t group,
                                   uint64_t *size);

/* ADV2 */

/* Where a scan of ADV2 rows stands: behind the `[`, behind a comma, behind a row, behind the `]`. */
enum RowsState { ROWS_FIRST, ROWS_NEXT, ROWS_AFTER, ROWS_END };

/* Why a row is ignored. */
enum Flaw {
    FLAW_NONE,
    FLAW_NO_ARRAY,
    FLAW_TOO_SHORT,
    FLAW_TOO_LONG,
    FLAW_INDEX_TYPE,
    FLAW_INDEX_RANGE,
    FLAW_ORDER,
    FLAW_REPEATED,
    FLAW_VALUE_TYPE,
    FLAW_VALUE_NULL,
    FLAW_TEXT_LONG,
    FLAW_UNSTORABLE,
    FLAW_DELETED_TYPE,
    FLAW_FOLLOWUP_TYPE,
    FLAW_COMMENT_TYPE,
    FLAW_COMMENT_LONG,
    FLAW_NOT_NUMBER,
    FLAW_NOT_WHOLE,
    FLAW_OUT_OF_RANGE,
    FLAW_JUDGED_VALUE, /* by the caller: the text is not an allowed one */
    FLAW_JUDGED_COMMENT,
    FLAW_REFUSED, /* the index is that of an identifier that rows may not name */
    FLAW_STAMP    /* of an undo: who stored the value, and when */
};

/* How values are judged. INTEGER drops one `.0` at the end, as DHIS2 2.43 does; DIGITS, of 2.42, does not. */
enum ValueRule { RULE_NONE, RULE_NUMBER, RULE_INTEGER, RULE_JUDGED, RULE_DIGITS };

/* What a header allows its rows. */
typedef struct {
    uint32_t places;              /* indexes in a row: dimensions with more than one identifier */
    uint32_t sizes[PLACES_LIMIT];
    uint32_t block_places;        /* the first of them that make the block: period, org unit */
    uint32_t rule;                /* for values, as ValueRule */
    int64_t minimum, maximum;     /* of whole and of other numbers */
    uint32_t judges_comments;     /* comments are handed to the caller as well */
    uint32_t comment_limit;       /* UTF-16 units */
    uint32_t restores;            /* rows of an undo: as stored, with who stored them and when, whatever they say */
    uint32_t apart;               /* each flawed row is a run of its own */
    const uint8_t *refused[PLACES_LIMIT]; /* by index, 1: rows may not name it; NULL: they may name all */
    const uint8_t *passed[PLACES_LIMIT];  /* by index, 1: rows that name it are not asked for, nor judged; NULL: all are */
    uint64_t key_bytes;           /* memory that finding repeats may take */
} RowRules;

/* Rows `row` to `row + count - 1` share a flaw; the span is that of the first in its block. */
typedef struct {
    uint64_t row, count, at, size;
    uint64_t mark; /* FLAW_ORDER: the row that set the mark; FLAW_REFUSED: the index */
    uint32_t flaw, position, verdict;
} Run;

/* What a scan of one group's rows found: in all, and `runs` in the block that was judged last. */
typedef struct {
    uint64_t rows, accepted, ignored, consumed, fault_at, run_count;
    uint32_t state, fault;
    uint32_t done; /* all rows of the block come behind those that are asked for, and so do all others, if they are in order */
    Run *runs;
} RowsReport;

/* The rows of one ADV2 group: scanned, then judged, block by block. */
typedef struct Rows Rows;

/* The head of a group, from its `{`: properties go to the batch as spans; at the end `state` is 1 behind the `[` of
 * its rows, 2 behind the `}` of a group without `data`. A block that ends too early gives FAULT_NEED_MORE. */
EXPORT void tp_scan_head(Batch *batch, const uint8_t *block, uint64_t size, uint32_t final);
EXPORT Rows *tp_rows_new(const RowRules *rules, uint64_t seed);
EXPORT void tp_rows_free(Rows *rows);
EXPORT const RowsReport *tp_rows_report(const Rows *rows);
EXPORT void tp_rows_scan(Rows *rows, const uint8_t *block, uint64_t size, uint32_t state, uint32_t final);
/* Rows scanned last, judged or not. */
EXPORT uint64_t tp_rows_scanned(const Rows *rows);
/* The distinct texts of the block that the caller judges. */
EXPORT uint32_t tp_rows_texts(const Rows *rows, uint32_t comments);
EXPORT const uint8_t *tp_rows_text(const Rows *rows, uint32_t comments, const uint32_t **ends);
/* Judge the rows scanned last, in order. `values` and `comments`: by id - 1 what the caller says of a text, 0 for a good
 * one; NULL where nothing was handed over. `no_comment`: what it says of a row without one. Flawed rows are gathered in
 * runs; the others are accepted. */
EXPORT void tp_rows_judge(Rows *rows, const uint8_t *values, const uint8_t *comments, uint32_t no_comment);
/* The accepted rows among those judged last, in columns; `block` is what was scanned. */
EXPORT RowBatch *tp_rows_batch(Rows *rows, const uint8_t *block);
/* The keys of the ignored rows among those judged last of which it is known what they are about. */
EXPORT RowBatch *tp_rows_named(const Rows *rows);

/* Workbooks */

/* What a scan of a sheet, or of shared strings, has come to. `row`: the last row (from 1), or how many strings. */
typedef struct {
    uint64_t consumed;
    uint32_t row, fault;
} SheetReport;

/* The XML of a sheet or of shared strings. */
typedef struct Sheet Sheet;

EXPORT Sheet *tp_sheet_new(uint32_t strings);
EXPORT void tp_sheet_free(Sheet *sheet);
EXPORT const SheetReport *tp_sheet_report(const Sheet *sheet);
/* Scan what is whole of a block, as records of CSV, valid until the next call; what is behind `consumed` belongs in front of
 * the next block. A cell: row, column, type, style, "text". The types: n number, s shared string, b boolean, e error,
 * d date, t text, f formula without a value; h a row that is hidden; m merged cells, c hidden columns. NULL: no memory. */
EXPORT const uint8_t *tp_sheet_scan(Sheet *sheet, const uint8_t *block, uint64_t size, uint32_t final, uint64_t *made);

/* Rows of legacy formats, joined from pieces */

#define PIECES_LIMIT 160 /* of a row: three for each category of both combos, and the others */

/* What a piece writes: texts by the indexes at its places; or four texts, as listed. */
enum PieceKind {
    PIECE_PLACES,   /* a text for each combination of the indexes at `count` places; none of them: always the same */
    PIECE_VALUE,    /* before, after, -, instead of none */
    PIECE_DECIMAL,  /* before and after a decimal number; instead of another text; instead of none */
    PIECE_OTHER,    /* before and after a text that is no decimal number; instead of a number; instead of none */
    PIECE_DELETED,  /* true, false, -, - */
    PIECE_FOLLOWUP, /* true, false, -, null */
    PIECE_COMMENT   /* as PIECE_VALUE */
};

/* How values and comments are written. */
enum Escape { ESCAPE_JSON, ESCAPE_CSV, ESCAPE_XML };

/* What became of the rows so far. A row that a piece cannot state is left out whole, and counted under that piece. */
typedef struct {
    uint64_t written, left_out, misread, first_misread;
    uint64_t unstated[PIECES_LIMIT], first_unstated[PIECES_LIMIT];
} JoinReport;

/* Joins the rows of one ADV2 group. */
typedef struct Join Join;

/* `sizes`: of the `places` indexes of a row. The first `group_pieces` pieces are written where one of them differs from
 * the row before, and `close` before them if it was not the first. NULL: out of memory, or more than there may be. */
EXPORT Join *tp_join_new(uint32_t escape, uint32_t places, const uint64_t *sizes, uint32_t group_pieces,
                         const uint8_t *close, uint64_t close_size);
EXPORT void tp_join_free(Join *join);
EXPORT const JoinReport *tp_join_report(const Join *join);
/* Add a piece with its texts: `ends` has one more than there are. 0: out of memory, or more than there may be. */
EXPORT uint32_t tp_join_piece(Join *join, uint32_t kind, uint32_t first, uint32_t count, uint32_t texts,
                              const uint8_t *text, const uint64_t *ends, const uint8_t *stated);
/* Join the rows of a batch, from `row` up to some at which the text is long; `row` is then the next one. The text is
 * valid until the next call; NULL: out of memory. */
EXPORT const uint8_t *tp_join_rows(Join *join, const RowBatch *batch, uint64_t *row, uint64_t *size);
/* Close the group of rows at hand, if there is one: what `close` says is to be written then. */
EXPORT uint32_t tp_join_end(Join *join);

#endif
