/* Rows of a batch as the text that PostgreSQL's COPY takes: for the import alone.
 *
 * A line: the number of its group if one is given, the row's number, its places, value, deleted, follow-up, comment, and what
 * an undo has besides, parted by tabs. A batch of keys ends with the places.
 * Source: https://www.postgresql.org/docs/current/sql-copy.html, Text Format.
 */
#include "row_batch.h"

#include <stdlib.h>

struct CopyText {
    Bytes out;
    uint32_t places;
    uint64_t sizes[PLACES_LIMIT];
    bool last[PLACES_LIMIT]; /* whether a place ends with this index */
};

void tp_copy_text_free(CopyText *copy) {
    if (copy)
        bytes_free(&copy->out);
    free(copy);
}

CopyText *tp_copy_text_new(uint32_t places, const uint64_t *sizes, const uint8_t *last) {
    CopyText *copy = places <= PLACES_LIMIT ? calloc(1, sizeof *copy) : NULL;
    if (!copy)
        return NULL;
    copy->places = places;
    for (uint32_t place = 0; place < places; place++) {
        copy->sizes[place] = sizes[place];
        copy->last[place] = last[place];
    }
    return copy;
}

/* Room for what is added next, which must not be more. */
static uint8_t *room(Bytes *out, size_t size) {
    bytes_reserve(out, size);
    return out->data + out->size;
}

static uint8_t *put_text(uint8_t *to, const uint8_t *p, size_t size) {
    for (const uint8_t *end = p + size; p < end; p++) {
        bool special = *p == '\\' || *p == '\t' || *p == '\n' || *p == '\r';
        if (special)
            *to++ = '\\';
        *to++ = !special || *p == '\\' ? *p : *p == '\t' ? 't' : *p == '\n' ? 'n' : 'r';
    }
    return to;
}

static void add_text(Bytes *out, const TextColumn *column, uint64_t row) {
    size_t size = (size_t)(column->ends[row + 1] - column->ends[row]);
    uint8_t *to = room(out, 2 * size + 3);
    *to++ = '\t';
    if (column->nulls && !bit_at(column->given, row)) {
        *to++ = '\\';
        *to++ = 'N';
    } else {
        to = put_text(to, column->data + column->ends[row], size);
    }
    out->size = (size_t)(to - out->data);
}

const uint8_t *tp_copy_text(CopyText *copy, const RowBatch *batch, uint64_t from, uint64_t to, int64_t group,
                                   uint64_t *size) {
    NO_MEMORY_GUARD(NULL);
    Bytes *out = &copy->out;
    out->size = 0;
    bytes_reserve(out, 1);
    for (uint64_t row = from; row < to; row++) {
        uint8_t *p = room(out, (NUMBER_SIZE + 1) * (copy->places + 2) + 8);
        if (group >= 0) {
            p = put_number(p, (uint64_t)group);
            *p++ = '\t';
        }
        p = put_number(p, (uint64_t)batch->number[row]);
        uint64_t sum = 0;
        for (uint32_t place = 0; place < copy->places; place++) {
            sum = sum * copy->sizes[place] + (uint64_t)index_column(batch, place)[row];
            if (copy->last[place]) {
                *p++ = '\t';
                p = put_number(p, sum);
                sum = 0;
            }
        }
        out->size = (size_t)(p - out->data);
        if (batch->texts) {
            add_text(out, &batch->text[TEXT_VALUE], row);
            p = room(out, 5);
            *p++ = '\t';
            *p++ = bit_at(batch->deleted, row) ? 't' : 'f';
            *p++ = '\t';
            if (bit_at(batch->followup_given, row)) {
                *p++ = bit_at(batch->followup, row) ? 't' : 'f';
            } else {
                *p++ = '\\';
                *p++ = 'N';
            }
            out->size = (size_t)(p - out->data);
            for (uint32_t text = TEXT_COMMENT; text < batch->texts; text++)
                add_text(out, &batch->text[text], row);
        }
        bytes_add_byte(out, '\n');
    }
    *size = out->size;
    return out->data;
}
