/* What packing, grouping, rendering and merging share. */
#ifndef TALLYPORT_GROUP_H
#define TALLYPORT_GROUP_H

#include "core.h"

/* A value on its way to a group: this, then the value's bytes, the comment's, and what was left out of the row (core.h),
 * padded to 8 bytes. Ids are those of the whole source until a split puts ranks in their place. */
typedef struct {
    uint64_t row; /* within the source */
    uint32_t pe, ou, coc, aoc, ds;
    uint32_t flags;
    uint32_t value_size, comment_size;
} Packed;

static inline size_t packed_size(const Packed *p) {
    return (sizeof(Packed) + p->value_size + p->comment_size + left_out_size(p->flags) + 7) & ~(size_t)7;
}

#define DIMENSIONS 4 /* pe, ou, coc, aoc: the order of a row's indexes */
#define DISAGREE 3   /* pe, ou, aoc */

/* The sort key is (high, low) = (pe, ou, coc, aoc) in ranks. */
typedef struct {
    uint64_t high, low;
    const Packed *packed;
} Entry;

static inline uint32_t entry_rank(const Entry *e, int dimension) {
    uint64_t half = dimension < 2 ? e->high : e->low;
    return (uint32_t)(dimension % 2 ? half : half >> 32);
}

static inline bool same_key(const Entry *a, const Entry *b) { return a->high == b->high && a->low == b->low; }

typedef struct {
    uint32_t ds, coc_shape, aoc_shape;
    uint64_t count, capacity; /* entries; after the split sorted, and distinct unless a merge follows */
    Entry *entries;
} Group;

#define PAIRS 5        /* that are kept as a sample */
#define PAIR_TEXT 96   /* bytes of a text that a pair keeps */
#define FIELDS_KEPT 64 /* names of fields that tell rows of one key apart */

/* A row that lost to a later one of its key which says something else. Read from Python, as all down to Split. */
typedef struct {
    uint64_t row, by_row;
    uint32_t pe, ou, coc, aoc; /* ranks */
    uint32_t flags, by_flags;
    uint32_t value_size, by_value_size, comment_size, by_comment_size; /* of the whole texts */
    uint8_t value[PAIR_TEXT], by_value[PAIR_TEXT], comment[PAIR_TEXT], by_comment[PAIR_TEXT];
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

bool same_left_out(const Packed *a, const Packed *b);
void keys_supersede(Keys *keys, const Packed *loser, const Packed *winner);
void keys_clash(Keys *keys, const Packed *row, const Packed *other, uint8_t *bits);

/* Read from Python: keep native/__init__.py in step. */
typedef struct {
    uint64_t groups, values, rejected;
    Tally disagree[DISAGREE], period_notes[3]; /* here `first` is the row within the source */
    Keys keys;
    uint32_t has_left_out; /* some row has fields that were left out */
    Group *group;
    uint64_t capacity;
    uint32_t *table; /* of group numbers + 1, by what tells groups apart; 0: free */
    uint64_t table_size, seed;
} Split;

/* Which ranks of one dimension a group names: used.c. */
typedef struct Used Used;
void used_mark(Used *used, uint32_t rank);

/* How a row's indexes are written: by rank the index in the group's header (0-based), and for dimensions whose index
 * is more than one number the ready text of each. Read from Python: keep native/__init__.py in step. */
typedef struct {
    const uint32_t *index[DIMENSIONS];      /* by rank; NULL: the dimension takes no place */
    const uint8_t *tokens[DIMENSIONS];      /* NULL: the index itself is written */
    const uint32_t *token_ends[DIMENSIONS]; /* by index */
    uint32_t followup_false;                /* write an explicit false */
    Bytes *rows;                            /* takes each row's number within the source; NULL: nobody asks */
} Form;

void render_row(Bytes *out, const Entry *entry, const Form *form);

#endif
