/* A batch of rows in columns, laid out as Arrow has them: what carries rows from their reader to whoever takes them.
 *
 * Nothing in it changes once it is filled, so any thread may read it. Whoever holds it counts in `holders`; the last to let
 * go frees it.
 */
#ifndef TALLYPORT_ROW_BATCH_H
#define TALLYPORT_ROW_BATCH_H

#include "batch.h"

#include <stdatomic.h>

/* Columns of text, in the order in which a batch has them: none of them, the first two, or all. */
enum TextColumn { TEXT_VALUE, TEXT_COMMENT, TEXT_STORED_BY, TEXT_CREATED, TEXT_LAST_UPDATED, TEXT_COLUMNS };
#define TEXTS_OF_ROW 2
#define FLAG_COLUMNS 2 /* deleted and follow-up; they stand between value and comment */

typedef struct {
    int32_t *ends;  /* the text of row i is from ends[i] to before ends[i + 1] */
    uint8_t *given; /* a bit for each row: whether it has one */
    const uint8_t *data;
    uint64_t nulls;
} TextColumn;

struct RowBatch {
    uint64_t rows, size_bytes;

    uint32_t places, texts; /* index columns; text columns: 0 where rows are no more than their keys, then without flags */
    int64_t *number;        /* of the row in its group */
    int32_t *index;         /* `places` columns of `rows` each */
    TextColumn text[TEXT_COLUMNS];
    uint8_t *deleted, *followup, *followup_given; /* a bit for each row */
    uint64_t followup_nulls;
    uint8_t *text_data; /* all texts, column after column */
    atomic_uint holders;
};

static inline bool bit_at(const uint8_t *bits, uint64_t at) { return bits[at / 8] >> at % 8 & 1; }
static inline void set_bit(uint8_t *bits, uint64_t at) { bits[at / 8] |= (uint8_t)(1u << at % 8); }

static inline const int32_t *index_column(const RowBatch *batch, uint32_t place) {
    return batch->index + place * batch->rows;
}

/* Room for rows, held once: numbers and indexes are to be filled in; no flag is set, every value is given, all other texts
 * and every follow-up are not. NULL: out of memory. */
RowBatch *row_batch_new(uint64_t rows, uint32_t places, uint32_t texts);
/* Take the texts of each column over, whose `ends` are filled in. False: out of memory. */
bool row_batch_finish(RowBatch *batch, const Bytes *texts);
void row_batch_hold(RowBatch *batch);

#endif
