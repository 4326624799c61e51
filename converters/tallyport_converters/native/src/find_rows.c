/* Rows of a batch by what they say: see RowsWanted. */
#include "batch.h"

uint32_t tp_batch_ids(const Batch *batch, uint32_t kind) { return batch->intern[kind].count; }

const uint8_t *tp_batch_text(const Batch *batch, uint32_t kind, const uint32_t **ends) {
    *ends = batch->intern[kind].ends;
    return batch->intern[kind].text.data;
}

static bool is_one(const Texts *texts, const uint8_t *text, size_t size) {
    if (!texts->count)
        return true;
    for (uint64_t i = 0; i < texts->count; i++) {
        uint32_t start = texts->ends[i];
        if (size == texts->ends[i + 1] - start && (!size || !memcmp(text, texts->data + start, size)))
            return true;
    }
    return false;
}

static bool is_wanted(const Batch *batch, const RowsWanted *wanted, const Row *row) {
    if (row->flags & ROW_REJECTED)
        return true;
    for (int kind = 0; kind < KINDS; kind++)
        if (wanted->ids[kind] && !wanted->ids[kind][row->id[kind]])
            return false;
    if (wanted->flags && !wanted->flags[row->flags & 255])
        return false;
    const uint8_t *text = row->value_size || row->comment_size ? batch->text.data + row->text : NULL;
    return is_one(&wanted->values, text, row->value_size) &&
           is_one(&wanted->comments, row->comment_size ? text + row->value_size : NULL, row->comment_size);
}

uint64_t tp_batch_find(const Batch *batch, const RowsWanted *wanted, uint64_t row) {
    for (; row < batch->report.rows; row++)
        if (is_wanted(batch, wanted, &batch->row[row]))
            return row;
    return UINT64_MAX;
}
