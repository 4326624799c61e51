/* What packing, grouping, rendering and merging share. */
#ifndef TALLYPORT_GROUP_H
#define TALLYPORT_GROUP_H

#include "batch.h"

/* A value on its way to a group: this, then the value's bytes, the comment's, and what was left out of the row (batch.h),
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

bool same_left_out(const Packed *a, const Packed *b);
void keys_supersede(Keys *keys, const Packed *loser, const Packed *winner);
void keys_clash(Keys *keys, const Packed *row, const Packed *other, uint8_t *bits);

struct Split {
    SplitReport report;
    Group *group;
    uint64_t capacity;
    uint32_t *table; /* of group numbers + 1, by what tells groups apart; 0: free */
    uint64_t table_size, seed;
};

void used_mark(Used *used, uint32_t rank);

void render_row(Bytes *out, const Entry *entry, const Form *form);

#endif
