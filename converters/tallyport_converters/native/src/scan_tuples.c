/* Stored values as PostgreSQL's COPY sends them in its binary form: whole tuples to rows.
 *
 * A tuple: the number of its fields (16 bits), then for each its size (32 bits, -1 for NULL) and bytes; numbers are
 * big endian. The identifiers are the tables' ids, 8 bytes each, and get their names later, once for each distinct one.
 * Source: https://www.postgresql.org/docs/current/sql-copy.html, Binary Format.
 */
#include "batch.h"

enum TupleField { /* below KINDS: an id, as enum Kind */
    TUPLE_VALUE = KINDS,
    TUPLE_COMMENT,
    TUPLE_DELETED,
    TUPLE_FOLLOWUP,
    TUPLE_STORED_BY, /* whether there is one */
    TUPLE_FIELDS
};

static inline uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One field of a row; false if it cannot be what it is. */
static bool take(Batch *batch, Draft *draft, int field, const uint8_t *at, size_t size) {
    if (field < KINDS) {
        draft->id[field] = intern_text(&batch->intern[field], at, size);
        return size == 8;
    }
    Text text = {.at = at, .size = size, .present = size > 0};
    if (field == TUPLE_VALUE)
        draft->value = text;
    else if (field == TUPLE_COMMENT)
        draft->comment = text;
    else if (size != 1)
        return false;
    else if (field != TUPLE_STORED_BY)
        draft_boolean(draft, field == TUPLE_DELETED, *at != 0);
    else if (*at)
        draft->dropped |= 1u << DROPPED_STORED_BY;
    return true;
}

static bool is_utf8(const Text *text) {
    const uint8_t *bad;
    return !text->size || utf8_valid(text->at, text->at + text->size, &bad);
}

/* Scan tuples from a tuple's start; `consumed` ends at the last one that is whole. */
void tp_scan_tuples(Batch *batch, const uint8_t *block, uint64_t size, uint32_t final) {
    const uint8_t *p = block, *end = block + size, *unit = block;
    SCAN_GUARD(batch->report, size);
    for (; p < end; unit = p) {
        Draft draft = {0};
        batch_start_row(batch);
        bool whole = end - p >= 2;
        if (whole && (p[0] != 0 || p[1] != TUPLE_FIELDS)) {
            batch->report.fault = FAULT_STRUCTURE;
            break;
        }
        p += whole ? 2 : 0;
        for (int field = 0; whole && field < TUPLE_FIELDS; field++) {
            whole = end - p >= 4;
            if (!whole)
                break;
            uint32_t length = big_endian(p);
            p += 4;
            if (length == UINT32_MAX)
                continue;
            whole = (uint64_t)(end - p) >= length;
            if (whole && !take(batch, &draft, field, p, length)) {
                batch->report.fault = FAULT_STRUCTURE;
                break;
            }
            p += whole ? length : 0;
        }
        if (!whole && final)
            batch->report.fault = FAULT_TRUNCATED;
        if (!whole || batch->report.fault)
            break;
        if (!is_utf8(&draft.value) || !is_utf8(&draft.comment)) {
            batch->report.fault = FAULT_UTF8;
            break;
        }
        draft.dropped |= 1u << DROPPED_CREATED | 1u << DROPPED_LAST_UPDATED; /* neither can be NULL */
        batch_finish_row(batch, &draft, (uint32_t)(unit - block), (uint32_t)(p - unit));
    }
    batch->report.fault_at = (uint64_t)(unit - block);
    batch->report.consumed = (uint64_t)(unit - block);
}
