/* Merge sorted runs of one group (see tp_split_run), the last row of a key kept, into ADV2 rows, piece by piece.
 *
 * Memory: a buffer a run, however long the runs are. Cost: O(n runs) comparisons; runs are few, as each fills the
 * memory budget.
 */
#include "group.h"

#include <stdlib.h>

/* Fill `buffer` from run `run`; returns the bytes given, 0 at its end, negative for a failed read. */
typedef int64_t (*ReadRun)(uint32_t run, uint8_t *buffer, uint64_t size);

typedef struct {
    Bytes buffer; /* what was read and not yet used: from `at` */
    size_t at;
    bool ended;
    Entry head;
} Run;

typedef struct {
    uint32_t runs;
    Run *run;
    ReadRun read;
    bool failed, any;
    Bytes out, best; /* best: the packed value that stands for the key so far */
    Entry entry;
} Merge;

EXPORT void tp_merge_free(Merge *merge) {
    for (uint32_t i = 0; merge && i < merge->runs; i++)
        bytes_free(&merge->run[i].buffer);
    if (merge) {
        free(merge->run);
        bytes_free(&merge->out);
        bytes_free(&merge->best);
    }
    free(merge);
}

#define READ_SIZE (512 * 1024)

static bool available(Merge *merge, uint32_t i, size_t size) {
    Run *run = &merge->run[i];
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
    Run *run = &merge->run[i];
    run->head.packed = NULL;
    if (!available(merge, i, 16 + sizeof(Packed)))
        return;
    size_t size = packed_size((const Packed *)(run->buffer.data + run->at + 16));
    if (!available(merge, i, 16 + size))
        return;
    const uint8_t *p = run->buffer.data + run->at;
    memcpy(&run->head.high, p, 8);
    memcpy(&run->head.low, p + 8, 8);
    run->head.packed = (const Packed *)(p + 16);
    run->at += 16 + size;
}

EXPORT Merge *tp_merge_new(uint32_t runs, ReadRun read) {
    Merge *merge = calloc(1, sizeof *merge);
    if (!merge)
        return NULL;
    NO_MEMORY_GUARD((tp_merge_free(merge), NULL));
    merge->run = calloc(runs, sizeof *merge->run);
    if (!merge->run)
        longjmp(*no_memory, 1);
    merge->runs = runs;
    merge->read = read;
    for (uint32_t i = 0; i < runs; i++)
        advance(merge, i);
    return merge;
}

static bool less(const Entry *a, const Entry *b) {
    if (a->high != b->high)
        return a->high < b->high;
    if (a->low != b->low)
        return a->low < b->low;
    return a->packed->row < b->packed->row;
}

static void flush(Merge *merge, const Form *form, uint64_t *written) {
    if (!merge->any)
        return;
    if (merge->out.size || *written)
        bytes_add(&merge->out, ",\n", 2);
    merge->entry.packed = (const Packed *)merge->best.data;
    render_row(&merge->out, &merge->entry, form);
    ++*written;
    merge->any = false;
}

/* The next piece of rows, of about `piece` bytes; empty at the end. `written` and `lost` (superseded) are counted on.
 * NULL: out of memory, or a run could not be read. */
EXPORT const uint8_t *tp_merge_next(Merge *merge, const Form *form, uint64_t piece, uint64_t *size, uint64_t *written,
                                    uint64_t *lost) {
    NO_MEMORY_GUARD(NULL);
    merge->out.size = 0;
    while (merge->out.size < piece) {
        Run *next = NULL;
        for (uint32_t i = 0; i < merge->runs; i++)
            if (merge->run[i].head.packed && (!next || less(&merge->run[i].head, &next->head)))
                next = &merge->run[i];
        if (merge->failed)
            return NULL;
        if (!next) {
            flush(merge, form, written);
            break;
        }
        if (merge->any && merge->entry.high == next->head.high && merge->entry.low == next->head.low)
            ++*lost;
        else
            flush(merge, form, written);
        merge->entry = next->head;
        merge->best.size = 0;
        bytes_add(&merge->best, next->head.packed, packed_size(next->head.packed));
        merge->any = true;
        advance(merge, (uint32_t)(next - merge->run));
    }
    bytes_reserve(&merge->out, 1);
    *size = merge->out.size;
    return merge->out.data;
}
