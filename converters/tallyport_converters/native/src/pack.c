/* A scanned batch joins its source: dictionaries are merged, rows parted by data element. */
#include "group.h"

#include <stdlib.h>

struct Dictionaries {
    Intern intern[KINDS];
};

Dictionaries *tp_dictionaries_new(uint64_t seed) {
    Dictionaries *all = malloc(sizeof *all);
    for (int kind = 0; all && kind < KINDS; kind++)
        intern_init(&all->intern[kind], seed);
    return all;
}

void tp_dictionaries_free(Dictionaries *all) {
    for (int kind = 0; all && kind < KINDS; kind++)
        intern_free(&all->intern[kind]);
    free(all);
}

uint32_t tp_dictionary_count(const Dictionaries *all, uint32_t kind) { return all->intern[kind].count; }

uint32_t tp_dictionary_add(Dictionaries *all, uint32_t kind, const uint8_t *text, uint64_t size) {
    NO_MEMORY_GUARD(0);
    return intern_text(&all->intern[kind], text, size);
}

const uint8_t *tp_dictionary_text(const Dictionaries *all, uint32_t kind, const uint32_t **ends) {
    *ends = all->intern[kind].ends;
    return all->intern[kind].text.data;
}

/* Bytes that the dictionaries hold. */
uint64_t tp_dictionaries_size(const Dictionaries *all) {
    uint64_t size = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        const Intern *intern = &all->intern[kind];
        size += intern->text.capacity + (uint64_t)intern->ends_capacity * sizeof *intern->ends +
                (intern->slots ? ((uint64_t)intern->mask + 1) * sizeof(Slot) : 0);
    }
    return size;
}

/* Rejected rows of a source, a bit each. */
struct Rejects {
    uint8_t *bits;
    size_t capacity;
};

Rejects *tp_rejects_new(void) { return calloc(1, sizeof(Rejects)); }

void tp_rejects_free(Rejects *rejects) {
    if (rejects)
        free(rejects->bits);
    free(rejects);
}

static bool has(const Rejects *rejects, uint64_t row) {
    return row / 8 < rejects->capacity && rejects->bits[row / 8] >> row % 8 & 1;
}

uint8_t *tp_rejects_bits(const Rejects *rejects) { return rejects->bits; }

uint64_t tp_rejects_next(const Rejects *rejects, uint64_t row) {
    for (; row / 8 < rejects->capacity; row++) {
        if (!(row % 8))
            while (row / 8 < rejects->capacity && !rejects->bits[row / 8])
                row += 8;
        if (has(rejects, row))
            return row;
    }
    return UINT64_MAX;
}

/* Room for `rows`; not to be called while a split runs. */
static void rejects_reserve(Rejects *rejects, uint64_t rows) {
    size_t had = rejects->capacity;
    rejects->bits = grow(rejects->bits, &rejects->capacity, rows / 8 + 1, 1);
    memset(rejects->bits + had, 0, rejects->capacity - had);
}

void tp_blob_free(Blob *blob) {
    if (!blob)
        return;
    free(blob->data);
    free(blob->des);
    free(blob->starts);
    free(blob);
}

/* What packing makes: freed as a whole where memory runs out. */
typedef struct {
    uint32_t *maps[KINDS]; /* from the batch's ids to the source's */
    uint64_t *sizes;       /* by data element */
    Blob *blob;
} Packing;

static void packing_free(Packing *packing) {
    for (int kind = 0; kind < KINDS; kind++)
        free(packing->maps[kind]);
    free(packing->sizes);
    tp_blob_free(packing->blob);
    free(packing);
}

Blob *tp_pack(const Batch *batch, Dictionaries *all, Rejects *rejects, uint64_t first_row) {
    Packing *packing = calloc(1, sizeof *packing);
    if (!packing)
        return NULL;
    NO_MEMORY_GUARD((packing_free(packing), NULL));
    uint32_t **maps = packing->maps;
    rejects_reserve(rejects, first_row + batch->report.rows);
    for (int kind = 0; kind < KINDS; kind++) {
        const Intern *local = &batch->intern[kind];
        size_t none = 0;
        maps[kind] = grow(NULL, &none, (size_t)local->count + 1, sizeof *maps[kind]);
        maps[kind][0] = 0;
        for (uint32_t id = 1; id <= local->count; id++) {
            size_t size;
            const uint8_t *text = interned(local, id, &size);
            maps[kind][id] = intern_text(&all->intern[kind], text, size);
        }
    }
    uint32_t des = batch->intern[DE].count;
    Blob *blob = packing->blob = zeroed(1, sizeof *blob);
    uint64_t *sizes = packing->sizes = zeroed((size_t)des + 2, sizeof *sizes);
    for (uint64_t i = 0; i < batch->report.rows; i++) {
        const Row *row = &batch->row[i];
        if (row->flags & ROW_REJECTED)
            continue;
        Packed packed = {
            .flags = row->flags, .value_size = row->value_size, .comment_size = row->comment_size};
        sizes[row->id[DE]] += packed_size(&packed);
    }
    blob->des = zeroed((size_t)des + 1, sizeof *blob->des);
    blob->starts = zeroed((size_t)des + 2, sizeof *blob->starts);
    uint64_t at = 0;
    for (uint32_t de = 1; de <= des; de++) {
        uint64_t size = sizes[de];
        sizes[de] = at;
        if (size) {
            blob->des[blob->segments] = maps[DE][de];
            blob->starts[blob->segments++] = at;
        }
        at += size;
    }
    blob->starts[blob->segments] = at;
    blob->size = at;
    blob->data = malloc(at + 1);
    if (!blob->data)
        out_of_memory();
    for (uint64_t i = 0; i < batch->report.rows; i++) {
        const Row *row = &batch->row[i];
        if (row->flags & ROW_REJECTED) {
            uint64_t number = first_row + i;
            rejects->bits[number / 8] |= (uint8_t)(1u << number % 8);
            continue;
        }
        Packed *packed = (Packed *)(blob->data + sizes[row->id[DE]]);
        *packed = (Packed){.row = first_row + i,
                           .pe = maps[PE][row->id[PE]],
                           .ou = maps[OU][row->id[OU]],
                           .coc = maps[COC][row->id[COC]],
                           .aoc = maps[AOC][row->id[AOC]],
                           .ds = maps[DS][row->id[DS]],
                           .flags = row->flags,
                           .value_size = row->value_size,
                           .comment_size = row->comment_size};
        size_t size = packed_size(packed);
        uint8_t *texts = (uint8_t *)(packed + 1);
        memset((uint8_t *)packed + size - 8 * (size > sizeof *packed), 0, 8 * (size > sizeof *packed));
        size_t text_size = (size_t)row->value_size + row->comment_size + left_out_size(row->flags);
        if (text_size) /* a batch without any text has none to copy from */
            memcpy(texts, batch->text.data + row->text, text_size);
        sizes[row->id[DE]] += size;
    }
    packing->blob = NULL;
    packing_free(packing);
    return blob;
}
