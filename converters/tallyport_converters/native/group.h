/* What packing, grouping, rendering and merging share. */
#ifndef TALLYPORT_GROUP_H
#define TALLYPORT_GROUP_H

#include "core.h"

/* A value on its way to a group: this, then the value's bytes, then the comment's, padded to 8 bytes.
 * Ids are those of the whole source until a split puts ranks in their place. */
typedef struct {
    uint64_t row; /* within the source */
    uint32_t pe, ou, coc, aoc, ds;
    uint32_t flags;
    uint32_t value_size, comment_size;
} Packed;

static inline size_t packed_size(const Packed *p) {
    return (sizeof(Packed) + p->value_size + p->comment_size + 7) & ~(size_t)7;
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

typedef struct {
    uint32_t ds, coc_shape, aoc_shape;
    uint64_t count, capacity; /* entries; after the split sorted and distinct */
    Entry *entries;
} Group;

/* Read from Python: keep native/__init__.py in step. */
typedef struct {
    uint64_t groups, values, superseded, rejected;
    Tally disagree[DISAGREE], period_notes[3]; /* here `first` is the row within the source */
    Group *group;
    uint64_t capacity;
    uint32_t *table; /* of group numbers + 1, by what tells groups apart; 0: free */
    uint64_t table_size, seed;
} Split;

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
