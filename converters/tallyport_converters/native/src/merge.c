/* Merge sorted runs of one group (see tp_split_run), the last row of a key kept, into ADV2 rows, piece by piece.
 *
 * Memory: a buffer a run, however long the runs are. Cost: O(n runs) comparisons; runs are few, as each fills the
 * memory budget. Whether rows of a key clash is known at the last of them, so that where fields were left out a survey
 * goes over the runs first. It keeps a bit a key.
 */
#include "group.h"

#include <stdlib.h>

typedef struct {
    Bytes buffer; /* what was read and not yet used: from `at` */
    size_t at;
    bool ended;
    Entry head;
} Source;

struct Merge {
    uint32_t runs;
    Source *run;
    ReadRun read;
    bool failed, cut, any; /* cut: a run ended within a value */
    Bytes out, best;  /* best: the packed value that stands for the key, whose entry this is */
    Entry entry;
    uint8_t *clashes; /* a bit for each key, in order; none without a survey */
    size_t clashes_capacity;
    uint64_t keys_met;
    uint8_t *bits;    /* the source's rejected rows */
};

void tp_merge_free(Merge *merge) {
    for (uint32_t i = 0; merge && i < merge->runs; i++)
        bytes_free(&merge->run[i].buffer);
    if (merge) {
        free(merge->run);
        free(merge->clashes);
        bytes_free(&merge->out);
        bytes_free(&merge->best);
    }
    free(merge);
}

#define READ_SIZE (512 * 1024)

static bool available(Merge *merge, uint32_t i, size_t size) {
    Source *run = &merge->run[i];
    while (run->buffer.size - run->at < size && !run->ended) {
        if (run->at)
            memmove(run->buffer.data, run->buffer.data + run->at, run->buffer.size - run->at);
        run->buffer.size -= run->at;
        run->at = 0;
        bytes_reserve(&run->buffer, READ_SIZE);
        int64_t got = merge->read(i, run->buffer.data + run->buffer.size, READ_SIZE);
        if (got < 0)
            merge->failed = true;
        if (got <= 0)
            run->ended = true;
        else
            run->buffer.size += (size_t)got;
    }
    return run->buffer.size - run->at >= size;
}

static void advance(Merge *merge, uint32_t i) {
    Source *run = &merge->run[i];
    run->head.packed = NULL;
    if (!available(merge, i, 1))
        return;
    bool whole = available(merge, i, 16 + sizeof(Packed));
    size_t size = whole ? packed_size((const Packed *)(run->buffer.data + run->at + 16)) : 0;
    if (!whole || !available(merge, i, 16 + size)) {
        merge->cut |= !merge->failed;
        merge->failed = true;
        return;
    }
    const uint8_t *p = run->buffer.data + run->at;
    memcpy(&run->head.high, p, 8);
    memcpy(&run->head.low, p + 8, 8);
    run->head.packed = (const Packed *)(p + 16);
    run->at += 16 + size;
}

Merge *tp_merge_new(uint32_t runs, ReadRun read, uint8_t *bits) {
    Merge *merge = calloc(1, sizeof *merge);
    if (!merge)
        return NULL;
    NO_MEMORY_GUARD((tp_merge_free(merge), NULL));
    merge->run = zeroed(runs, sizeof *merge->run);
    merge->runs = runs;
    merge->read = read;
    merge->bits = bits;
    for (uint32_t i = 0; i < runs; i++)
        advance(merge, i);
    return merge;
}

static bool less(const Entry *a, const Entry *b) {
    if (a->high != b->high)
        return a->high < b->high;
    if (a->low != b->low)
        return a->low < b->low;
    return a->packed->row > b->packed->row; /* the last row of a key is the one that stands */
}

static Source *next_run(Merge *merge) {
    Source *next = NULL;
    for (uint32_t i = 0; i < merge->runs; i++)
        if (merge->run[i].head.packed && (!next || less(&merge->run[i].head, &next->head)))
            next = &merge->run[i];
    return merge->failed ? NULL : next;
}

/* Take a head that begins a key. */
static void begin_key(Merge *merge, const Source *run) {
    merge->best.size = 0;
    bytes_add(&merge->best, run->head.packed, packed_size(run->head.packed));
    merge->entry = run->head;
    merge->entry.packed = (const Packed *)merge->best.data;
    merge->any = true;
    merge->keys_met++;
}

static bool goes_on(const Merge *merge, const Source *run) { return merge->any && same_key(&merge->entry, &run->head); }

uint32_t tp_merge_survey(Merge *merge, Used **used) {
    NO_MEMORY_GUARD(0);
    bool clash = false;
    for (;;) {
        Source *next = next_run(merge);
        if (next && goes_on(merge, next)) {
            clash |= !same_left_out(next->head.packed, merge->entry.packed);
        } else {
            if (merge->any) {
                uint64_t key = merge->keys_met - 1;
                size_t had = merge->clashes_capacity;
                merge->clashes = grow(merge->clashes, &merge->clashes_capacity, key / 8 + 1, 1);
                memset(merge->clashes + had, 0, merge->clashes_capacity - had);
                merge->clashes[key / 8] |= (uint8_t)(clash << key % 8);
                for (int d = 0; d < DIMENSIONS && !clash; d++)
                    used_mark(used[d], entry_rank(&merge->entry, d));
            }
            if (!next)
                return !merge->failed;
            begin_key(merge, next);
            clash = false;
        }
        advance(merge, (uint32_t)(next - merge->run));
    }
}

uint32_t tp_merge_cut(const Merge *merge) { return merge->cut; }

uint32_t tp_merge_rewind(Merge *merge) {
    NO_MEMORY_GUARD(0);
    merge->any = false;
    merge->keys_met = 0;
    for (uint32_t i = 0; i < merge->runs; i++) {
        Source *run = &merge->run[i];
        run->buffer.size = run->at = 0;
        run->ended = false;
        advance(merge, i);
    }
    return !merge->failed;
}

const uint8_t *tp_merge_next(Merge *merge, const Form *form, uint64_t piece, uint64_t *size, uint64_t *written,
                                    Keys *keys) {
    NO_MEMORY_GUARD(NULL);
    merge->out.size = 0;
    while (merge->out.size < piece) {
        Source *next = next_run(merge);
        if (merge->failed)
            return NULL;
        if (!next)
            break;
        bool again = goes_on(merge, next);
        if (!again)
            begin_key(merge, next);
        uint64_t key = merge->keys_met - 1;
        if (merge->clashes && merge->clashes[key / 8] >> key % 8 & 1) {
            keys_clash(keys, next->head.packed, merge->entry.packed, merge->bits);
        } else if (again) {
            keys_supersede(keys, next->head.packed, merge->entry.packed);
        } else {
            if (merge->out.size || *written)
                bytes_add(&merge->out, ",\n", 2);
            render_row(&merge->out, &merge->entry, form);
            ++*written;
        }
        advance(merge, (uint32_t)(next - merge->run));
    }
    bytes_reserve(&merge->out, 1);
    *size = merge->out.size;
    return merge->out.data;
}
