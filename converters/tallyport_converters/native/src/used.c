/* Which identifiers of one dimension a group names, and the index that its header gives each.
 *
 * Kept from group to group, so that a group costs what it names, not what its source names.
 */
#include "group.h"

#include <stdlib.h>

struct Used {
    uint64_t count;
    uint32_t *ranks; /* those that are named; in order once they are settled */

    uint32_t room;   /* ranks that there are */
    uint32_t *index; /* by rank; only those of `ranks` mean anything */
    uint8_t *marked; /* by rank */
    size_t capacity;
};

void tp_used_free(Used *used) {
    if (!used)
        return;
    free(used->ranks);
    free(used->index);
    free(used->marked);
    free(used);
}

Used *tp_used_new(uint32_t room) {
    Used *used = calloc(1, sizeof *used);
    if (!used)
        return NULL;
    used->room = room;
    used->index = malloc(((size_t)room + 1) * sizeof *used->index);
    used->marked = calloc((size_t)room + 1, 1);
    if (used->index && used->marked)
        return used;
    tp_used_free(used);
    return NULL;
}

void tp_used_clear(Used *used) {
    for (uint64_t i = 0; i < used->count; i++)
        used->marked[used->ranks[i]] = 0;
    used->count = 0;
}

void used_mark(Used *used, uint32_t rank) {
    if (used->marked[rank])
        return;
    used->ranks = grow(used->ranks, &used->capacity, used->count + 1, sizeof *used->ranks);
    used->ranks[used->count++] = rank;
    used->marked[rank] = 1;
}

uint32_t tp_used_add(Used *used, const uint8_t *ranks, uint64_t count) {
    NO_MEMORY_GUARD(false);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t rank;
        memcpy(&rank, ranks + i * sizeof rank, sizeof rank);
        if (rank >= used->room)
            return false;
        used_mark(used, rank);
    }
    return true;
}

uint32_t tp_used_split(Used *used, const Split *split, uint64_t group, uint32_t dimension) {
    NO_MEMORY_GUARD(false);
    const Group *g = &split->group[group];
    for (uint64_t i = 0; i < g->count; i++)
        used_mark(used, entry_rank(&g->entries[i], (int)dimension));
    return true;
}

static int by_rank(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void tp_used_settle(Used *used) {
    if (used->count > used->room / 16) { /* so many that they are found sooner than sorted */
        uint64_t count = 0;
        for (uint32_t rank = 0; rank < used->room; rank++)
            if (used->marked[rank])
                used->ranks[count++] = rank;
    } else if (used->count > 1) {
        qsort(used->ranks, used->count, sizeof *used->ranks, by_rank);
    }
    for (uint64_t i = 0; i < used->count; i++)
        used->index[used->ranks[i]] = (uint32_t)i;
}

const uint32_t *tp_used_index(const Used *used) { return used->index; }

const uint32_t *tp_used_ranks(const Used *used, uint64_t *count) {
    *count = used->count;
    return used->ranks;
}
