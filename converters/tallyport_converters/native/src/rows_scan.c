/* ADV2 rows, in blocks: each is read, and judged by what its header allows.
 *
 * Pure per row: index bounds, order, JSON types and the form of one value; no look-up but in arrays made once a group.
 * Texts that only Python can judge are handed over once for each distinct text of a block.
 */
#include "number.h"
#include "rows.h"

/* An index of a row; `good_indexes` counts those that are in range. */
static bool index_element(Json *j, const RowRules *rules, uint32_t place, AdvRow *row, uint32_t *good_indexes) {
    uint64_t index = 0;
    const uint8_t *from = j->p, *p = from;
    while (p < j->end && *p >= '0' && *p <= '9' && p - from < 10)
        index = index * 10 + (*p++ - '0');
    bool plain = p > from && p < j->end && (*p == ',' || *p == ']' || *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') &&
                 (p - from == 1 || *from != '0');
    if (!plain) {
        bool negative = *from == '-';
        if (!json_skip(j, 2))
            return false;
        /* A whole number beyond what was read above, or below zero, is out of range; all else is no index. */
        bool whole = true;
        for (p = from + negative; p < j->p; p++)
            whole &= *p >= '0' && *p <= '9';
        blame(row, whole && j->p > from + negative ? FLAW_INDEX_RANGE : FLAW_INDEX_TYPE, place);
        return true;
    }
    j->p = p;
    if (index >= rules->sizes[place]) {
        blame(row, FLAW_INDEX_RANGE, place);
        return true;
    }
    if (rules->refused[place] && rules->refused[place][index]) {
        if (row->flaw == FLAW_NONE)
            row->refused = (uint32_t)index;
        blame(row, FLAW_REFUSED, place);
    }
    if (!row->passed && rules->passed[place] && rules->passed[place][index]) {
        row->passed = true;
        row->refused = place ? 0 : (uint32_t)index;
    }
    if (place < rules->block_places)
        row->block = row->block * rules->sizes[place] + index;
    else
        row->rest = row->rest * rules->sizes[place] + index;
    ++*good_indexes;
    return true;
}

typedef struct {
    bool null_value, deleted, has_comment;
    enum Flaw misfit; /* of the value with its type: said only of rows whose form is right */
} Seen;

static bool value_element(Json *j, Rows *rows, uint32_t position, AdvRow *row, Seen *seen) {
    const RowRules *rules = &rows->rules;
    Text text = {.at = j->p};
    bool storable;
    uint8_t first = *j->p;
    if (first == '"') {
        if (!json_text(j, &text, &storable))
            return false;
        if (!storable)
            blame(row, FLAW_UNSTORABLE, position);
        else if (text_longer(text.at, text.size, TEXT_LIMIT))
            blame(row, FLAW_TEXT_LONG, position);
    } else {
        if (!json_skip(j, 2))
            return false;
        if (first == 'n') {
            seen->null_value = true;
            return true;
        }
        text.size = (size_t)(j->p - text.at);
        if (first == '[' || first == '{')
            blame(row, FLAW_VALUE_TYPE, position);
        else if (text.size > TEXT_LIMIT)
            blame(row, FLAW_TEXT_LONG, position);
    }
    if (row->flaw)
        return true;
    if (!text.size) { /* an empty text is no value, as in DHIS2 */
        seen->null_value = true;
        return true;
    }
    if (rules->rule == RULE_JUDGED)
        row->text = intern_text(&rows->texts, text.at, text.size);
    else
        seen->misfit = check_value(rules, text.at, text.size);
    return true;
}

static bool comment_element(Json *j, Rows *rows, uint32_t position, AdvRow *row, Seen *seen) {
    if (*j->p == '"') {
        Text text;
        bool storable;
        if (!json_text(j, &text, &storable))
            return false;
        if (!storable)
            blame(row, FLAW_UNSTORABLE, position);
        else if (text_longer(text.at, text.size, rows->rules.comment_limit))
            blame(row, FLAW_COMMENT_LONG, position);
        else if (rows->rules.judges_comments && text.size)
            row->note = intern_text(&rows->notes, text.at, text.size);
        seen->has_comment = text.size > 0;
        return true;
    }
    bool null = *j->p == 'n';
    if (!json_skip(j, 2))
        return false;
    if (!null)
        blame(row, FLAW_COMMENT_TYPE, position);
    return true;
}

/* A time as PostgreSQL writes it, in local time: `2025-01-31 14:30:00`, perhaps with up to six decimals. */
static bool is_time(const uint8_t *p, size_t size) {
    static const char form[] = "dddd-dd-dd dd:dd:dd.dddddd";
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (size < 19 || size == 20 || size > 26)
        return false;
    uint32_t parts[7] = {0}, part = 0;
    for (size_t i = 0; i < size; i++) {
        if (form[i] != 'd') {
            if (p[i] != (uint8_t)form[i])
                return false;
            part++;
            continue;
        }
        if (p[i] < '0' || p[i] > '9')
            return false;
        parts[part] = parts[part] * 10 + (p[i] - '0');
    }
    uint32_t year = parts[0], month = parts[1], day = parts[2];
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return year && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] - (uint32_t)(month == 2 && !is_leap) &&
           parts[3] < 24 && parts[4] < 60 && parts[5] < 60;
}

#define STORED_BY_LIMIT 255

/* Of a row of an undo, behind its comment: who stored the value; when it was made, and changed last. */
static bool stamp_element(Json *j, uint32_t place, uint32_t position, AdvRow *row) {
    if (*j->p != '"') {
        if (place || *j->p != 'n') /* only who stored it may be unknown */
            blame(row, FLAW_STAMP, position);
        return json_skip(j, 2);
    }
    Text text;
    bool storable;
    if (!json_text(j, &text, &storable))
        return false;
    if (!storable)
        blame(row, FLAW_UNSTORABLE, position);
    else if (place == 0 ? text_longer(text.at, text.size, STORED_BY_LIMIT) : !is_time(text.at, text.size))
        blame(row, FLAW_STAMP, position);
    return true;
}

static bool one_row(Json *j, Rows *rows, AdvRow *row) {
    const uint8_t *from = j->p;
    Seen seen = {0};
    uint32_t position = 0, good_indexes = 0, places = rows->rules.places;
    *row = (AdvRow){.at = (uint32_t)(from - j->start), .named = places == 0};
    j->scratch->size = 0;
    if (*j->p != '[') {
        if (!json_skip(j, 1))
            return false;
        blame(row, FLAW_NO_ARRAY, 0);
        row->size = (uint32_t)(j->p - from);
        return true;
    }
    j->p++;
    if (!json_space(j))
        return false;
    if (*j->p == ']') {
        j->p++;
        blame(row, FLAW_TOO_SHORT, 0);
        row->size = (uint32_t)(j->p - from);
        return true;
    }
    for (bool more = true; more; position += more) {
        bool good;
        int truth;
        if (!json_space(j))
            return false;
        if (position < places) {
            good = index_element(j, &rows->rules, position, row, &good_indexes);
        } else if (position == places) {
            good = value_element(j, rows, position, row, &seen);
        } else if (position == places + 1) {
            good = flag_element(j, false, &truth);
            if (good && truth < 0)
                blame(row, FLAW_DELETED_TYPE, position);
            seen.deleted = good && truth == 1;
        } else if (position == places + 2) {
            good = flag_element(j, true, &truth);
            if (good && truth < 0)
                blame(row, FLAW_FOLLOWUP_TYPE, position);
        } else if (position == places + 3) {
            good = comment_element(j, rows, position, row, &seen);
        } else if (rows->rules.restores && position < places + 7) {
            good = stamp_element(j, position - places - 4, position, row);
        } else {
            good = json_skip(j, 2);
            blame(row, FLAW_TOO_LONG, position);
        }
        if (!good || !json_part(j, ']', &more))
            return false;
    }
    if (position < (rows->rules.restores ? places + 6 : places))
        blame(row, FLAW_TOO_SHORT, 0);
    if (!rows->rules.restores && seen.null_value && !seen.deleted && !seen.has_comment)
        blame(row, FLAW_VALUE_NULL, places);
    if (seen.misfit)
        blame(row, seen.misfit, places);
    row->size = (uint32_t)(j->p - from);
    row->deleted = seen.deleted;
    row->named = good_indexes == places;
    return true;
}

#define PLAIN_PLACES 12
#define PLAIN_REACH (PLAIN_PLACES * 10 + 64) /* bytes that a plain row may take */

/* A high bit for each byte of a word that is `byte`; what is above the lowest of them may be wrong. */
static inline uint64_t bytes_like(uint64_t word, uint8_t byte) {
    uint64_t ones = UINT64_C(0x0101010101010101), differs = word ^ ones * byte;
    return (differs - ones) & ~differs & ones << 7;
}

/* What is behind a row that is not asked for: its first `]`, if no string, array or object begins before that. NULL: one
 * does, or it is not before `end`. The row is looked at no further. */
static inline const uint8_t *behind_passed(const uint8_t *p, const uint8_t *end) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; p + sizeof(uint64_t) <= end; p += sizeof(uint64_t)) {
        uint64_t word = load64(p), ends = bytes_like(word, ']');
        uint64_t begins = bytes_like(word, '"') | bytes_like(word, '[') | bytes_like(word, '{');
        if (ends | begins)
            return ends && (!begins || (ends & -ends) < (begins & -begins)) ? p + __builtin_ctzll(ends) / 8 + 1 : NULL;
    }
#endif
    return NULL;
}

/* A row as writers write most: indexes in range and a number, nothing between them. Returns what is behind it, NULL for
 * any other row, which one_row has to read. The caller sees to it that PLAIN_REACH bytes can be read. `passes`: as in
 * `rows`, known when this is compiled. */
HOT const uint8_t *plain_row(const Rows *rows, const uint8_t *from, AdvRow *row, bool passes) {
    const RowRules *rules = &rows->rules;
    const uint8_t *p = from;
    uint64_t block = 0;
    Key rest = 0;
    p++;
    for (uint32_t place = 0; place < rules->places; place++) {
        uint32_t digit = (uint32_t)*p - '0', index = digit, digits = 1;
        if (digit > 9)
            return NULL;
        for (p++; digits < 10 && (digit = (uint32_t)*p - '0') <= 9; p++, digits++)
            index = index * 10 + digit;
        if (*p++ != ',' || digits > 9 || index >= rules->sizes[place] || (digits > 1 && *(p - 1 - digits) == '0'))
            return NULL;
        if (passes && rules->passed[place] && rules->passed[place][index]) {
            row->passed = true;
            row->refused = place ? 0 : index;
            return behind_passed(p, from + PLAIN_REACH);
        }
        if (place < rules->block_places)
            block = block * rules->sizes[place] + index;
        else
            rest = rest * rules->sizes[place] + index;
    }
    const uint8_t *value = p, *limit = p + 48;
    size_t value_at = (size_t)(p - from);
    p += *p == '-';
    if (*p == '0' && p[1] >= '0' && p[1] <= '9')
        return NULL;
    const uint8_t *digits = p;
    while (p < limit && *p >= '0' && *p <= '9')
        p++;
    if (p == digits)
        return NULL;
    if (*p == '.') {
        const uint8_t *fraction = ++p;
        while (p < limit && *p >= '0' && *p <= '9')
            p++;
        if (p == fraction)
            return NULL;
    }
    if (*p != ']' || rules->rule == RULE_JUDGED || check_value(rules, value, (size_t)(p - value)) != FLAW_NONE)
        return NULL;
    row->block = block;
    row->rest = rest;
    row->text = row->note = 0;
    row->flaw = row->position = row->verdict = 0;
    row->value_at = (uint8_t)value_at;
    row->deleted = false;
    row->passed = false;
    row->named = true;
    return p + 1;
}

/* Keep the row that was just read, unless it is not asked for: then the next one takes its place. */
static inline void keep_row(Rows *rows, AdvRow *row) {
    row->passed_before = rows->passed;
    rows->passed += row->passed;
    rows->beyond += row->passed && row->refused > rows->last_asked;
    rows->row_count += !row->passed;
}

/* Scan rows of a block; they are judged by tp_rows_judge. */
void tp_rows_scan(Rows *rows, const uint8_t *block, uint64_t size, uint32_t state, uint32_t final) {
    Json *j = &(Json){.start = block, .p = block, .end = block + size, .scratch = &rows->scratch, .final = final};
    SCAN_GUARD(rows->report, size);
    rows->row_count = 0;
    rows->passed = rows->beyond = 0;
    rows->report.run_count = 0;
    /* What Python judges is distinct within a block: the dictionaries start anew. */
    intern_clear(&rows->texts);
    intern_clear(&rows->notes);
    const uint8_t *unit = block;
    bool good = true;
    while (good && state != ROWS_END) {
        rows->report.state = state;
        good = json_space(j);
        unit = j->p; /* white space is done with, however much there is */
        if (!good)
            break;
        uint8_t c = *j->p;
        if (state == ROWS_AFTER) {
            bool more;
            good = json_part(j, ']', &more);
            state = more ? ROWS_NEXT : ROWS_END;
        } else if (c == ']' && state == ROWS_FIRST) {
            j->p++;
            state = ROWS_END;
        } else {
            if (rows->row_count == rows->row_capacity)
                rows->row = grow(rows->row, &rows->row_capacity, rows->row_count + 1, sizeof *rows->row);
            const uint8_t *from = j->p, *behind = NULL;
            AdvRow *row = &rows->row[rows->row_count];
            bool may_be_plain = c == '[' && !rows->refuses && !rows->rules.restores;
            if (may_be_plain && rows->rules.places <= PLAIN_PLACES && j->end - from > PLAIN_REACH)
                behind = rows->passes ? plain_row(rows, from, row, true) : plain_row(rows, from, row, false);
            if (behind) {
                row->at = (uint32_t)(from - block);
                row->size = (uint32_t)(behind - from);
                j->p = behind;
                keep_row(rows, row);
                if (behind[0] == ',' && behind[1] == '\n' && behind[2] == '[') {
                    j->p += 2; /* the next row follows as writers have it: no turn for what parts them */
                    state = ROWS_NEXT;
                    continue;
                }
            } else {
                good = one_row(j, rows, row);
                if (good)
                    keep_row(rows, row);
            }
            state = ROWS_AFTER;
        }
    }
    if (good) {
        rows->report.state = ROWS_END;
        unit = j->p;
    }
    rows->report.done = rows->beyond && rows->beyond == tp_rows_scanned(rows);
    rows->report.consumed = (uint64_t)(unit - block);
    rows->report.fault = j->fault == FAULT_NEED_MORE ? FAULT_NONE : j->fault;
    rows->report.fault_at = j->fault_at ? (uint64_t)(j->fault_at - block) : 0;
}
