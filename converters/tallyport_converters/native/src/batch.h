/* The rows that a scan fills a batch with, and a row while it is read.
 *
 * Everything here works on memory it is given: no files, no locale, no global state. Every read of input is bounded
 * by an end pointer. Offsets within one scanned block are 32 bits: no scan takes a block of `BLOCK_LIMIT` bytes.
 */
#ifndef TALLYPORT_BATCH_H
#define TALLYPORT_BATCH_H

#include "dictionary.h"
#include "scanner.h"
#include "tidy.h"

/* Of functions that every field goes through, and of those that hardly any does. */
#if defined(__GNUC__)
#define HOT static inline __attribute__((always_inline))
#define COLD static __attribute__((noinline))
#else
#define HOT static inline
#define COLD static
#endif

/* Names that are DHIS2's own, and what they mean; at the end NULL, and what any other name is. */
typedef struct {
    const char *name;
    enum Field field;
} Meant;

/* Those of a row's fields. */
extern const Meant ROW_FIELDS[];

enum Field meant(const Meant *names, const uint8_t *name, size_t size);

/* What a field means by a name that is not DHIS2's own; FIELD_UNKNOWN where nobody knows. */
enum Field field_named(const uint8_t *name, size_t size, uint32_t *naming);

/* A field that was left out of a row because nobody knows what it means: its name and what it says, as hashes.
 * A row has them behind its texts, in the order of their names; the upper half of its flags counts them. */
typedef struct {
    uint64_t name, said;
} LeftOut;

#define LEFT_OUT_SHIFT 16
#define LEFT_OUT_LIMIT 64 /* fields of a row that are told apart; what is beyond counts as one */
#define LEFT_OUT_REST UINT64_MAX

static inline size_t left_out_size(uint32_t flags) { return (size_t)(flags >> LEFT_OUT_SHIFT) * sizeof(LeftOut); }

#define BLOCK_LIMIT ((uint64_t)1 << 30)

/* First statement of a scan, whose `report` says so where memory runs out or the block is too large. */
#define SCAN_GUARD(report, size)                                                                                       \
    NO_MEMORY_GUARD((void)((report).fault = FAULT_NO_MEMORY));                                                         \
    (report).fault = (size) < BLOCK_LIMIT ? FAULT_NONE : FAULT_BLOCK_SIZE;                                             \
    if ((report).fault)                                                                                                \
    return

typedef struct {
    uint32_t id[KINDS]; /* into the batch's dictionaries; 0: absent */
    uint32_t text, value_size, comment_size; /* in Batch.text: the value, then the comment */
    uint32_t source_at, source_size;         /* the row's span in the scanned block */
    uint32_t flags;
} Row;

/* A text of the row that is being read. */
typedef struct {
    const uint8_t *at;
    size_t size;
    bool in_scratch; /* then `offset` counts, as the scratch may move */
    size_t offset;
    bool present;
} Text;

typedef struct {
    Text name, said;
    uint32_t field, naming, id; /* id: of the name */
} StandIn;

#define STAND_INS 16

typedef struct {
    uint32_t id;
    bool taken;
} Pending;

struct Batch {
    BatchReport report;
    Row *row;
    size_t row_capacity, property_capacity;
    Bytes text, scratch;
    Intern intern[KINDS];
    Intern names; /* fields without a place in ADV2, and those with another name than the usual one */
    Name *name;   /* by id of names */
    size_t name_capacity;
    Pending *pending; /* names of the row being read: counted when it ends */
    size_t pending_count, pending_capacity;
    LeftOut *left_out; /* of the row being read, in the order of their names */
    StandIn *stand_in; /* fields of that row by a name that stands back behind better ones */
    size_t left_out_capacity, stand_in_capacity;
    uint32_t left_out_count, stand_in_count;
};

Row *batch_row(Batch *batch);
/* Note that the row has a field of that name: its id, 0 if it was noted before. Then count it, if it says anything. */
uint32_t batch_see_name(Batch *batch, const uint8_t *name, size_t size);
void batch_drop_named(Batch *batch, const uint8_t *name, size_t size);
/* The same for a field that nobody understands: rows that it alone tells apart are found out by what it says. */
void batch_leave_out(Batch *batch, const uint8_t *name, size_t size, const uint8_t *said, size_t said_size);
/* Count a field that was taken for another name's. */
void batch_take_named(Batch *batch, const uint8_t *name, size_t size, uint32_t field);
/* The same where batch_see_name gave its id. */
void batch_take_seen(Batch *batch, uint32_t id, uint32_t field);
void batch_property(Batch *batch, uint32_t key_at, uint32_t key_size, uint32_t value_at, uint32_t value_size);

/* A row while it is read: texts point into the block or into Batch.scratch. */
typedef struct {
    uint32_t id[KINDS];
    Text value, comment;
    uint32_t flags;
    uint32_t dropped, notices; /* bits, by enum Dropped and enum Notice */
    uint32_t spaces[SPACES_COUNT];
    uint8_t word[WORD_PLACES];
} Draft;

static inline const uint8_t *text_data(const Batch *batch, const Text *text) {
    return text->in_scratch ? bytes_from(&batch->scratch, text->offset) : text->at;
}

/* A row moves no counter before it ends, so that one cut by the block's end can be read again.
 * End a row: sizes and presence are checked, texts copied, counters moved. The block's span is for its explanation. */
void batch_start_row(Batch *batch);
void batch_finish_row(Batch *batch, Draft *draft, uint32_t source_at, uint32_t source_size);
/* The same for a row of a legacy file: its value and comment are tidied first. */
void batch_finish_file_row(Batch *batch, Draft *draft, uint32_t source_at, uint32_t source_size);

/* Cut the white space around a text; true if there was any. */
static inline bool text_cut(const Batch *batch, Text *text) {
    const uint8_t *start = text_data(batch, text), *p = start;
    if (!cut_space(&p, &text->size))
        return false;
    if (text->in_scratch)
        text->offset += (size_t)(p - start);
    else
        text->at = p;
    return true;
}

/* The same of an identifier, where it is counted. */
static inline void draft_trim(const Batch *batch, Draft *draft, Text *text) {
    draft->spaces[SPACES_IDENTIFIERS] += text_cut(batch, text);
}

/* Keep a field that stands in where the row does not have it by a better name, and is left out otherwise. */
void batch_stand_in(Batch *batch, const Text *name, const Text *said, uint32_t field, uint32_t naming);

/* Let them stand in, those by code before those by name. A row that ends does it by itself. */
void batch_settle_stand_ins(Batch *batch, Draft *draft);

/* The id of an option combo that is given by an identifier: its text behind an 'I', which tells it from options. */
uint32_t batch_combo(Batch *batch, int kind, const Text *text);

/* Take an identifier over, without the white space around it: blanks name nothing. */
static inline void draft_identify(Batch *batch, Draft *draft, int kind, const Text *given) {
    Text text = *given;
    draft_trim(batch, draft, &text);
    if (!text.size)
        return;
    if (kind == COC || kind == AOC) {
        uint8_t word = word_for_nothing(text_data(batch, &text), text.size);
        if (word)
            draft->word[kind == COC ? WORD_COC : WORD_AOC] = word;
        draft->id[kind] = batch_combo(batch, kind, &text);
    } else {
        draft->id[kind] = intern_text(&batch->intern[kind], text_data(batch, &text), text.size);
    }
}

/* Take over what a second field of the same meaning says: `other` has nothing but it. Where both differ, the row is
 * rejected. */
void draft_unite(const Batch *batch, Draft *draft, const Draft *other, uint32_t field);

/* Read a boolean text: 1 true, 0 false, -1 empty, -2 none. */
int boolean_text(const uint8_t *p, size_t size);
void draft_boolean(Draft *draft, bool is_deleted, int truth);

/* Take over what a field says; `field` is below FIELD_STORED_BY. */
HOT void draft_take(Batch *batch, Draft *draft, uint32_t field, const Text *said) {
    if (field == FIELD_VALUE)
        draft->value = *said;
    else if (field == FIELD_COMMENT)
        draft->comment = *said;
    else if (field == FIELD_FOLLOWUP || field == FIELD_DELETED)
        draft_boolean(draft, field == FIELD_DELETED, boolean_text(text_data(batch, said), said->size));
    else
        draft_identify(batch, draft, (int)field, said);
}

/* Add the option of a category to a combo's text, which begins at `start` of the scratch: 'M', then category NUL option NUL
 * of each. What says nothing is passed. */
void batch_add_option(Batch *batch, Draft *draft, size_t start, const uint8_t *name, size_t name_size, const Text *option);

/* Count the names of the row that is being read. */
void batch_count_names(Batch *batch);
/* Forget that the row at hand has them: it turns out to be none, and the next one counts its own. */
void batch_forget_names(Batch *batch);

#endif
