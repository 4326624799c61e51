/* The accepted rows of a block in columns, and the keys of those that were ignored. */
#include "rows.h"

/* Take an element of an accepted row into its column of text: null as none, and an empty value likewise, but of an undo,
 * which has values as they were stored. An empty comment stays one: it removes the stored one. */
static bool take_text(Json *j, Rows *rows, enum TextColumn column, uint64_t at) {
    TextColumn *of = &rows->filling->text[column];
    Text text = {.at = j->p};
    bool storable;
    uint8_t first = *j->p;
    rows->scratch.size = 0;
    if (first == '"' ? !json_text(j, &text, &storable) : !json_skip(j, 2))
        return false;
    if (first != '"')
        text.size = (size_t)(j->p - text.at);
    if (first == 'n' || (!text.size && column == TEXT_VALUE && !rows->rules.restores)) {
        if (column == TEXT_VALUE) { /* given, unless it is said that it is not */
            of->given[at / 8] &= (uint8_t)~(1u << at % 8);
            of->nulls++;
        }
        return true;
    }
    if (column != TEXT_VALUE) {
        set_bit(of->given, at);
        of->nulls--;
    }
    bytes_add(&rows->taken[column], text.at, text.size);
    return true;
}

/* Take what stands behind the indexes of an accepted row. */
static void take_elements(Json *j, Rows *rows, uint64_t at) {
    RowBatch *batch = rows->filling;
    for (uint32_t e = 0; e < FLAG_COLUMNS + batch->texts; e++) {
        int truth = 0;
        bool good = json_space(j) && *j->p != ']'; /* what is left out is its default */
        if (!good)
            return;
        if (e == 1 || e == FLAG_COLUMNS) {
            bool is_null = *j->p == 'n';
            good = flag_element(j, true, &truth);
            if (truth == 1)
                set_bit(e == 1 ? batch->deleted : batch->followup, at);
            if (e == FLAG_COLUMNS && !is_null) {
                set_bit(batch->followup_given, at);
                batch->followup_nulls--;
            }
        } else {
            good = take_text(j, rows, (enum TextColumn)(e ? e - FLAG_COLUMNS : TEXT_VALUE), at);
        }
        if (!good || !json_space(j) || *j->p != ',')
            return;
        j->p++;
    }
}

/* Read the indexes of an accepted row, as they are in range; returns what is behind them. */
static const uint8_t *take_indexes(RowBatch *batch, const uint8_t *p, uint64_t at) {
    for (uint32_t place = 0; place < batch->places; place++) {
        uint32_t index = 0;
        while (*p < '0' || *p > '9')
            p++;
        for (; *p >= '0' && *p <= '9'; p++)
            index = index * 10 + (*p - '0');
        batch->index[place * batch->rows + at] = (int32_t)index;
        while (*p != ',' && *p != ']')
            p++;
        p += *p == ',';
    }
    return p;
}

RowBatch *tp_rows_batch(Rows *rows, const uint8_t *block) {
    NO_MEMORY_GUARD((tp_row_batch_free(rows->filling), rows->filling = NULL));
    uint32_t texts = rows->rules.restores ? TEXT_COLUMNS : TEXTS_OF_ROW;
    uint64_t accepted = 0, at = 0;
    for (size_t i = 0; i < rows->row_count; i++)
        accepted += !rows->row[i].flaw;
    RowBatch *batch = rows->filling = row_batch_new(accepted, rows->rules.places, texts);
    if (!batch)
        return NULL;
    for (uint32_t t = 0; t < texts; t++)
        rows->taken[t].size = 0;
    for (size_t i = 0; i < rows->row_count; i++) {
        const AdvRow *row = &rows->row[i];
        if (row->flaw)
            continue;
        const uint8_t *from = block + row->at, *behind = take_indexes(batch, from + 1, at);
        if (row->value_at) {
            bytes_add(&rows->taken[TEXT_VALUE], from + row->value_at, row->size - row->value_at - 1u);
        } else {
            Json *j = &(Json){.start = block, .p = behind, .end = from + row->size, .scratch = &rows->scratch, .final = true};
            take_elements(j, rows, at);
        }
        batch->number[at++] = (int64_t)row_number(rows, i);
        for (uint32_t t = 0; t < texts; t++)
            batch->text[t].ends[at] = (int32_t)rows->taken[t].size;
    }
    rows->filling = NULL;
    if (row_batch_finish(batch, rows->taken))
        return batch;
    tp_row_batch_free(batch);
    return NULL;
}

RowBatch *tp_rows_named(const Rows *rows) {
    const RowRules *rules = &rows->rules;
    uint64_t named = 0, at = 0;
    for (size_t i = 0; i < rows->row_count; i++)
        named += rows->row[i].flaw && rows->row[i].named;
    RowBatch *batch = row_batch_new(named, rules->places, 0);
    for (size_t i = 0; batch && i < rows->row_count; i++) {
        const AdvRow *row = &rows->row[i];
        if (!row->flaw || !row->named)
            continue;
        Key block = row->block, rest = row->rest;
        for (uint32_t place = rules->places; place-- > 0;) {
            Key *of = place < rules->block_places ? &block : &rest;
            batch->index[place * named + at] = (int32_t)(*of % rules->sizes[place]);
            *of /= rules->sizes[place];
        }
        batch->number[at++] = (int64_t)row_number(rows, i);
    }
    return batch;
}
