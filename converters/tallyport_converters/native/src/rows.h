/* The rows of one ADV2 group: what their scan, their judging and the batches made of them share. */
#ifndef TALLYPORT_ROWS_H
#define TALLYPORT_ROWS_H

#include "json.h"
#include "row_batch.h"

typedef unsigned __int128 Key;

typedef struct {
    uint64_t block;
    Key rest;
    uint32_t at, size;     /* span of the row */
    uint32_t text, note;   /* ids of what Python judges, 0: nothing */
    uint32_t refused;      /* FLAW_REFUSED: the index; of a passed row: its first one, 0 if it was passed for another */
    uint32_t passed_before; /* rows of the block that come before it and were passed */
    uint8_t flaw, position; /* position: element of the row that is at fault */
    uint8_t verdict;        /* what Python said of it, where it judged */
    uint8_t value_at;       /* of a plain row: where its value begins in its span; 0: of any other */
    bool deleted;
    bool passed;            /* it is not asked for: read, and not kept */
    bool named; /* all its indexes are there and in range, whatever else is wrong with it */
} AdvRow;

/* The scan of one group's rows. */
struct Rows {
    RowsReport report;
    RowRules rules;
    AdvRow *row;
    size_t row_capacity, row_count, run_capacity; /* row_count: of the block, those that are kept */
    uint32_t passed, beyond;                      /* of the block; those that come behind what is asked for */
    uint64_t first;                               /* the number of the block's first row */
    uint32_t last_asked; /* the greatest first index that is asked for, where rows are ordered by it */
    Bytes scratch, taken[TEXT_COLUMNS]; /* taken: the texts of the batch that is being filled */
    RowBatch *filling;
    Intern texts, notes;
    uint64_t seed, mark_block, mark_row; /* the last accepted row's */
    bool marked, refuses, passes; /* the last two: whether the rules refuse or pass any row by its indexes */
    Key *keys; /* accepted in the block of the mark, in order of acceptance */
    size_t key_count, key_capacity;
    bool keys_rising;
    uint32_t *table; /* of key numbers + 1; only where keys do not rise */
    size_t table_size, table_capacity;
    uint64_t range;              /* keys that there can be in a block; UINT64_MAX: more than a bit each has room for */
    size_t keys_listed, keys_most; /* from how many on a bit for each is smaller; how many may be listed */
    uint8_t *bits;
    size_t bits_capacity;
    bool by_bits;
};

/* The number in the group of a row of the block that was judged last. */
static inline uint64_t row_number(const Rows *rows, size_t i) { return rows->first + i + rows->row[i].passed_before; }

/* Say what is wrong with a row, if nothing is yet. */
static inline void blame(AdvRow *row, enum Flaw flaw, uint32_t position) {
    if (row->flaw == FLAW_NONE) {
        row->flaw = (uint8_t)flaw;
        row->position = (uint8_t)(position > 255 ? 255 : position);
    }
}

/* `false`, `true` or (with `nullable`) null; -1 for anything else. */
static inline bool flag_element(Json *j, bool nullable, int *truth) {
    uint8_t first = *j->p;
    if (!json_skip(j, 2))
        return false;
    *truth = first == 't' ? 1 : first == 'f' || (nullable && first == 'n') ? 0 : -1;
    return true;
}

/* What is wrong with a text as a value. */
enum Flaw check_value(const RowRules *rules, const uint8_t *text, size_t size);

#endif
