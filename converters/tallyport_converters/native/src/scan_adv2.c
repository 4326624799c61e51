/* ADV2: heads of groups and their rows, in blocks, each row judged by what its header allows.
 *
 * Pure per row: index bounds, order, JSON types and the form of one value; no look-up but in arrays made once a group.
 * Texts that only Python can judge are handed over once for each distinct text of a block.
 * Memory: a block's rows, and the keys of one block of rows (a period and an org unit) to find repeats: as a list, and
 * as a bit for each key that there can be once that is smaller. Neither is larger than the rules allow.
 */
#include "json.h"
#include "row_batch.h"

#include <stdlib.h>

#define NUMBER_LIMIT 249 /* characters, of numbers that are no integers */

typedef unsigned __int128 Key;

typedef struct {
    uint64_t block;
    Key rest;
    uint32_t at, size;     /* span of the row */
    uint32_t text, note;   /* ids of what Python judges, 0: nothing */
    uint32_t refused;      /* FLAW_REFUSED: the index */
    uint8_t flaw, position; /* position: element of the row that is at fault */
    uint8_t verdict;        /* what Python said of it, where it judged */
    uint8_t value_at;       /* of a plain row: where its value begins in its span; 0: of any other */
    bool deleted;
    bool named; /* all its indexes are there and in range, whatever else is wrong with it */
} AdvRow;

/* The scan of one group's rows. */
struct Rows {
    RowsReport report;
    RowRules rules;
    AdvRow *row;
    size_t row_capacity, row_count, run_capacity;
    Bytes scratch, taken[TEXT_COLUMNS]; /* taken: the texts of the batch that is being filled */
    RowBatch *filling;
    Intern texts, notes;
    uint64_t seed, mark_block, mark_row; /* the last accepted row's */
    bool marked, refuses;
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

#define KEY_BYTES (sizeof(Key) + 8 * sizeof(uint32_t)) /* of a listed key, with its part of the table at most */

Rows *tp_rows_new(const RowRules *rules, uint64_t seed) {
    Rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return NULL;
    rows->rules = *rules;
    rows->seed = seed;
    rows->range = 1;
    for (uint32_t place = rules->block_places; place < rules->places; place++)
        rows->range = rows->range > UINT32_MAX ? UINT64_MAX : rows->range * rules->sizes[place];
    if (rows->range / 8 >= rules->key_bytes)
        rows->range = UINT64_MAX;
    rows->keys_listed = rows->range == UINT64_MAX ? SIZE_MAX : rows->range / 8 / sizeof(Key) + 8;
    rows->keys_most = rules->key_bytes / KEY_BYTES;
    for (uint32_t place = 0; place < rules->places; place++)
        rows->refuses |= rules->refused[place] != NULL;
    intern_init(&rows->texts, seed);
    intern_init(&rows->notes, seed);
    return rows;
}

void tp_rows_free(Rows *rows) {
    if (!rows)
        return;
    free(rows->report.runs);
    free(rows->row);
    free(rows->keys);
    free(rows->table);
    free(rows->bits);
    bytes_free(&rows->scratch);
    for (uint32_t t = 0; t < TEXT_COLUMNS; t++)
        bytes_free(&rows->taken[t]);
    tp_row_batch_free(rows->filling);
    intern_free(&rows->texts);
    intern_free(&rows->notes);
    free(rows);
}

const RowsReport *tp_rows_report(const Rows *rows) { return &rows->report; }

typedef struct {
    const uint8_t *at;
    size_t size;
    bool storable;
} Literal;

static bool units_over(const uint8_t *p, size_t size, size_t limit) {
    if (size <= limit)
        return false;
    size_t units = 0;
    for (size_t i = 0; i < size; i++)
        units += ((p[i] & 0xC0) != 0x80) + (p[i] >= 0xF0);
    return units > limit;
}

/* The digits of a number in DHIS2's form: `-?(0|[1-9][0-9]*)(\.[0-9]+)?`. */
typedef struct {
    bool good, negative, has_fraction, fraction_zero;
    const uint8_t *digits;
    size_t digit_count, fraction_count;
} Decimal;

static Decimal decimal(const uint8_t *p, size_t size) {
    Decimal d = {.fraction_zero = true};
    const uint8_t *end = p + size;
    if (size == 0)
        return d;
    d.negative = *p == '-';
    p += d.negative;
    d.digits = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    d.digit_count = (size_t)(p - d.digits);
    if (d.digit_count == 0 || (d.digit_count > 1 && *d.digits == '0'))
        return d;
    if (p < end && *p == '.') {
        d.has_fraction = true;
        const uint8_t *from = ++p;
        for (; p < end && *p >= '0' && *p <= '9'; p++)
            d.fraction_zero &= *p == '0';
        d.fraction_count = (size_t)(p - from);
        if (!d.fraction_count)
            return d;
    }
    d.good = p == end;
    return d;
}

/* The whole part, saturated. */
static int64_t whole_part(const Decimal *d) {
    int64_t whole = 0;
    for (size_t i = 0; i < d->digit_count && whole < INT64_C(1000000000000); i++)
        whole = whole * 10 + (d->digits[i] - '0');
    return d->negative ? -whole : whole;
}

/* Whether what a number has beyond `maximum`, its whole part, is lost when it is read as a double, as DHIS2 does: at most
 * half of the last binary place, which is found by doubling the decimals. The maximum is even in that place, so that a
 * half is rounded down. */
static bool rounds_down(const Decimal *d, int64_t maximum) {
    uint8_t digits[NUMBER_LIMIT];
    size_t count = d->fraction_count; /* fewer than NUMBER_LIMIT: the caller has seen to it */
    const uint8_t *fraction = d->digits + d->digit_count + 1;
    uint32_t places = 53;
    for (int64_t whole = maximum; whole > 1; whole /= 2)
        places--;
    for (size_t i = 0; i < count; i++)
        digits[i] = fraction[i] - '0';
    for (; places; places--) {
        uint8_t carry = 0;
        for (size_t i = count; i-- > 0;) {
            uint8_t doubled = (uint8_t)(digits[i] * 2 + carry);
            carry = doubled >= 10;
            digits[i] = (uint8_t)(doubled % 10);
        }
        if (!carry)
            continue;
        if (places > 1)
            return false;
        for (size_t i = 0; i < count; i++)
            if (digits[i])
                return false;
    }
    return true;
}

static bool blank(const uint8_t *p, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (p[i] > ' ')
            return false;
    return true;
}

static enum Flaw check_value(const RowRules *rules, const uint8_t *text, size_t size) {
    if (rules->rule == RULE_NONE || rules->rule == RULE_JUDGED)
        return FLAW_NONE;
    Decimal d = decimal(text, size);
    if (!d.good && blank(text, size))
        return FLAW_NONE; /* DHIS2 checks no type of a blank text */
    if (!d.good || (rules->rule == RULE_NUMBER && size > NUMBER_LIMIT))
        return rules->rule == RULE_NUMBER ? FLAW_NOT_NUMBER : FLAW_NOT_WHOLE;
    int64_t whole = whole_part(&d);
    if (rules->rule != RULE_NUMBER) {
        /* 2.43 drops one trailing `.0` first; then `-0` is no integer. */
        if (d.has_fraction && (rules->rule == RULE_DIGITS || d.fraction_count > 1 || !d.fraction_zero))
            return FLAW_NOT_WHOLE;
        if (d.negative && d.digit_count == 1 && *d.digits == '0')
            return FLAW_NOT_WHOLE;
        return whole < rules->minimum || whole > rules->maximum ? FLAW_OUT_OF_RANGE : FLAW_NONE;
    }
    bool zero = whole == 0 && d.fraction_zero;
    bool below = d.negative && !zero ? whole < rules->minimum || (whole == rules->minimum && !d.fraction_zero)
                                     : whole < rules->minimum;
    bool above = whole > rules->maximum || (!d.negative && whole == rules->maximum && !d.fraction_zero &&
                                            !rounds_down(&d, rules->maximum));
    return below || above ? FLAW_OUT_OF_RANGE : FLAW_NONE;
}

/* A JSON string as a text, decoded if it must be. */
static bool string_text(Json *j, Literal *out) {
    bool escaped;
    j->p++;
    if (!json_string(j, &out->at, &out->size, &escaped))
        return false;
    out->storable = true;
    if (escaped) {
        size_t offset = j->scratch->size;
        out->storable = json_unescape(j->scratch, out->at, out->size);
        out->at = j->scratch->data + offset; /* used before the scratch grows again, or offset is kept */
        out->size = j->scratch->size - offset;
    }
    return true;
}

static void blame(AdvRow *row, enum Flaw flaw, uint32_t position) {
    if (row->flaw == FLAW_NONE) {
        row->flaw = (uint8_t)flaw;
        row->position = (uint8_t)(position > 255 ? 255 : position);
    }
}

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
    Literal text = {.at = j->p, .storable = true};
    uint8_t first = *j->p;
    if (first == '"') {
        if (!string_text(j, &text))
            return false;
        if (!text.storable)
            blame(row, FLAW_UNSTORABLE, position);
        else if (units_over(text.at, text.size, TEXT_LIMIT))
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

/* `false`, `true` or (with `nullable`) null; -1 for anything else. */
static bool flag_element(Json *j, bool nullable, int *truth) {
    uint8_t first = *j->p;
    if (!json_skip(j, 2))
        return false;
    *truth = first == 't' ? 1 : first == 'f' || (nullable && first == 'n') ? 0 : -1;
    return true;
}

static bool comment_element(Json *j, Rows *rows, uint32_t position, AdvRow *row, Seen *seen) {
    if (*j->p == '"') {
        Literal text;
        if (!string_text(j, &text))
            return false;
        if (!text.storable)
            blame(row, FLAW_UNSTORABLE, position);
        else if (units_over(text.at, text.size, rows->rules.comment_limit))
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
    Literal text;
    if (!string_text(j, &text))
        return false;
    if (!text.storable)
        blame(row, FLAW_UNSTORABLE, position);
    else if (place == 0 ? units_over(text.at, text.size, STORED_BY_LIMIT) : !is_time(text.at, text.size))
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
    for (;; position++) {
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
        if (!good || !json_space(j))
            return false;
        uint8_t c = *j->p;
        if (c != ',' && c != ']')
            return json_fail(j, FAULT_SYNTAX, j->p);
        j->p++;
        if (c == ']')
            break;
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

/* A row as writers write most: indexes in range and a number, nothing between them. Returns what is behind it, NULL for
 * any other row, which one_row has to read. The caller sees to it that PLAIN_REACH bytes can be read. */
static inline const uint8_t *plain_row(const Rows *rows, const uint8_t *from, AdvRow *row) {
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
    row->named = true;
    return p + 1;
}

/* Scan rows of a block; they are judged by tp_rows_judge. */
void tp_rows_scan(Rows *rows, const uint8_t *block, uint64_t size, uint32_t state, uint32_t final) {
    Json *j = &(Json){.start = block, .p = block, .end = block + size, .scratch = &rows->scratch, .final = final};
    NO_MEMORY_GUARD((void)(rows->report.fault = FAULT_NO_MEMORY));
    if (size >= BLOCK_LIMIT) {
        rows->report.fault = FAULT_BLOCK_SIZE;
        return;
    }
    rows->row_count = 0;
    rows->report.run_count = 0;
    /* What Python judges is distinct within a block: the dictionaries start anew. */
    if (rows->texts.count) {
        intern_free(&rows->texts);
        intern_init(&rows->texts, rows->seed);
    }
    if (rows->notes.count) {
        intern_free(&rows->notes);
        intern_init(&rows->notes, rows->seed);
    }
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
            if (c != ',' && c != ']')
                good = json_fail(j, FAULT_SYNTAX, j->p);
            j->p += good;
            state = c == ',' ? ROWS_NEXT : ROWS_END;
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
                behind = plain_row(rows, from, row);
            if (behind) {
                row->at = (uint32_t)(from - block);
                row->size = (uint32_t)(behind - from);
                j->p = behind;
                rows->row_count++;
                if (behind[0] == ',' && behind[1] == '\n' && behind[2] == '[') {
                    j->p += 2; /* the next row follows as writers have it: no turn for what parts them */
                    state = ROWS_NEXT;
                    continue;
                }
            } else {
                good = one_row(j, rows, row);
                rows->row_count += good;
            }
            state = ROWS_AFTER;
        }
    }
    if (good) {
        rows->report.state = ROWS_END;
        unit = j->p;
    }
    rows->report.consumed = (uint64_t)(unit - block);
    rows->report.fault = j->fault == FAULT_NEED_MORE ? FAULT_NONE : j->fault;
    rows->report.fault_at = j->fault_at ? (uint64_t)(j->fault_at - block) : 0;
}

static size_t key_slot(const Rows *rows, Key key) {
    /* Both halves meet the seed before they are multiplied: no input can be made whose keys collide. */
    Key product = (Key)((uint64_t)key ^ rows->seed) * ((uint64_t)(key >> 64) ^ (rows->seed * 0xa0761d6478bd642fu | 1));
    size_t at = ((uint64_t)product ^ (uint64_t)(product >> 64)) & (rows->table_size - 1);
    while (rows->table[at] && rows->keys[rows->table[at] - 1] != key)
        at = (at + 1) & (rows->table_size - 1);
    return at;
}

/* Make the table that finds repeats; needed only from the first key of a block that does not rise. Its size is that of
 * this block: a small one does not pay for a large one before it. */
static void build_table(Rows *rows) {
    size_t size = 64;
    while (size < rows->key_count * 4)
        size *= 2;
    rows->table = grow(rows->table, &rows->table_capacity, size, sizeof *rows->table);
    rows->table_size = size;
    memset(rows->table, 0, size * sizeof *rows->table);
    for (size_t i = 0; i < rows->key_count; i++)
        rows->table[key_slot(rows, rows->keys[i])] = (uint32_t)i + 1;
}

static bool take_bit(Rows *rows, Key key) {
    uint8_t *byte = &rows->bits[(uint64_t)key / 8], bit = (uint8_t)(1u << (uint64_t)key % 8);
    bool is_new = !(*byte & bit);
    *byte |= bit;
    return is_new;
}

/* From the list to a bit for each key, which costs no more than the list did. */
static void turn_to_bits(Rows *rows) {
    size_t size = rows->range / 8 + 1;
    rows->bits = grow(rows->bits, &rows->bits_capacity, size, 1);
    memset(rows->bits, 0, size);
    for (size_t i = 0; i < rows->key_count; i++)
        take_bit(rows, rows->keys[i]);
    rows->by_bits = true;
}

static bool take_key(Rows *rows, Key key) {
    if (rows->by_bits)
        return take_bit(rows, key);
    bool rises = rows->key_count == 0 || key > rows->keys[rows->key_count - 1];
    if (rows->keys_rising && !rises) {
        rows->keys_rising = false;
        build_table(rows);
    }
    if (!rows->keys_rising && rows->table[key_slot(rows, key)])
        return false;
    if (rows->key_count == rows->keys_most) {
        rows->report.fault = FAULT_MANY_KEYS;
        return true;
    }
    rows->keys = grow(rows->keys, &rows->key_capacity, rows->key_count + 1, sizeof *rows->keys);
    rows->keys[rows->key_count++] = key;
    if (rows->key_count >= rows->keys_listed) {
        turn_to_bits(rows);
        return true;
    }
    if (!rows->keys_rising) {
        if (rows->key_count * 2 > rows->table_size)
            build_table(rows);
        else
            rows->table[key_slot(rows, key)] = (uint32_t)rows->key_count;
    }
    return true;
}

static void ignore(Rows *rows, const AdvRow *row, uint64_t number) {
    rows->report.ignored++;
    uint64_t mark = row->flaw == FLAW_ORDER ? rows->mark_row : row->flaw == FLAW_REFUSED ? row->refused : 0;
    if (rows->report.run_count && !rows->rules.apart) {
        Run *last = &rows->report.runs[rows->report.run_count - 1];
        if (last->flaw == row->flaw && last->position == row->position && last->verdict == row->verdict &&
            last->mark == mark && last->row + last->count == number) {
            last->count++;
            return;
        }
    }
    rows->report.runs = grow(rows->report.runs, &rows->run_capacity, rows->report.run_count + 1, sizeof *rows->report.runs);
    rows->report.runs[rows->report.run_count++] = (Run){number, 1, row->at, row->size, mark, row->flaw, row->position, row->verdict};
}

/* A flaw that Python found; rows of different verdicts do not share a finding. */
static void blame_verdict(AdvRow *row, enum Flaw flaw, uint32_t position, uint8_t verdict) {
    if (!verdict || row->flaw)
        return;
    blame(row, flaw, position);
    row->verdict = verdict;
}

/* Judge the rows scanned last, in order. `values` and `comments`: by id - 1 what Python says of a text, 0 for a good
 * one; NULL where nothing was handed over. `no_comment`: what it says of a row without one. Flawed rows are gathered in
 * runs; the others are accepted. */
void tp_rows_judge(Rows *rows, const uint8_t *values, const uint8_t *comments, uint32_t no_comment) {
    NO_MEMORY_GUARD((void)(rows->report.fault = FAULT_NO_MEMORY));
    for (size_t i = 0; i < rows->row_count; i++) {
        AdvRow *row = &rows->row[i];
        uint64_t number = rows->report.rows++;
        uint32_t places = rows->rules.places;
        if (values && row->text)
            blame_verdict(row, FLAW_JUDGED_VALUE, places, values[row->text - 1]);
        if (comments && row->note)
            blame_verdict(row, FLAW_JUDGED_COMMENT, places + 3, comments[row->note - 1]);
        else if (!row->deleted)
            blame_verdict(row, FLAW_JUDGED_COMMENT, places + 3, (uint8_t)no_comment);
        if (!row->flaw && rows->marked && row->block < rows->mark_block)
            blame(row, FLAW_ORDER, 0);
        if (!row->flaw && (!rows->marked || row->block != rows->mark_block)) {
            rows->key_count = 0;
            rows->keys_rising = true;
            rows->by_bits = false;
        }
        if (!row->flaw && !take_key(rows, row->rest))
            blame(row, FLAW_REPEATED, 0);
        if (rows->report.fault == FAULT_MANY_KEYS) {
            rows->report.fault_at = row->at;
            rows->report.rows = number;
            rows->row_count = 0; /* none of this block is handed on */
            return;
        }
        if (row->flaw) {
            ignore(rows, row, number);
            continue;
        }
        rows->report.accepted++;
        if (!rows->marked || row->block != rows->mark_block)
            rows->mark_row = number; /* the row that began the block that others must not come before */
        rows->marked = true;
        rows->mark_block = row->block;
    }
}

/* Take an element of an accepted row into its column of text: null as none, and an empty value likewise, but of an undo,
 * which has values as they were stored. An empty comment stays one: it removes the stored one. */
static bool take_text(Json *j, Rows *rows, enum TextColumn column, uint64_t at) {
    TextColumn *of = &rows->filling->text[column];
    Literal text = {.at = j->p, .storable = true};
    uint8_t first = *j->p;
    rows->scratch.size = 0;
    if (first == '"' ? !string_text(j, &text) : !json_skip(j, 2))
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

/* The accepted rows among those judged last, in columns; `block` is what was scanned. NULL: out of memory. */
RowBatch *tp_rows_batch(Rows *rows, const uint8_t *block) {
    NO_MEMORY_GUARD((tp_row_batch_free(rows->filling), rows->filling = NULL));
    uint32_t texts = rows->rules.restores ? TEXT_COLUMNS : TEXTS_OF_ROW;
    uint64_t accepted = 0, number = rows->report.rows - rows->row_count, at = 0;
    for (size_t i = 0; i < rows->row_count; i++)
        accepted += !rows->row[i].flaw;
    RowBatch *batch = rows->filling = row_batch_new(accepted, rows->rules.places, texts);
    if (!batch)
        return NULL;
    for (uint32_t t = 0; t < texts; t++)
        rows->taken[t].size = 0;
    for (size_t i = 0; i < rows->row_count; i++, number++) {
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
        batch->number[at++] = (int64_t)number;
        for (uint32_t t = 0; t < texts; t++)
            batch->text[t].ends[at] = (int32_t)rows->taken[t].size;
    }
    rows->filling = NULL;
    if (row_batch_finish(batch, rows->taken))
        return batch;
    tp_row_batch_free(batch);
    return NULL;
}

/* The keys of the ignored rows among those judged last of which it is known what they are about. NULL: out of memory. */
RowBatch *tp_rows_named(const Rows *rows) {
    const RowRules *rules = &rows->rules;
    uint64_t named = 0, number = rows->report.rows - rows->row_count, at = 0;
    for (size_t i = 0; i < rows->row_count; i++)
        named += rows->row[i].flaw && rows->row[i].named;
    RowBatch *batch = row_batch_new(named, rules->places, 0);
    for (size_t i = 0; batch && i < rows->row_count; i++, number++) {
        const AdvRow *row = &rows->row[i];
        if (!row->flaw || !row->named)
            continue;
        Key block = row->block, rest = row->rest;
        for (uint32_t place = rules->places; place-- > 0;) {
            Key *of = place < rules->block_places ? &block : &rest;
            batch->index[place * named + at] = (int32_t)(*of % rules->sizes[place]);
            *of /= rules->sizes[place];
        }
        batch->number[at++] = (int64_t)number;
    }
    return batch;
}

/* Rows scanned last, judged or not. */
uint64_t tp_rows_scanned(const Rows *rows) { return rows->row_count; }

uint32_t tp_rows_texts(const Rows *rows, uint32_t comments) {
    return comments ? rows->notes.count : rows->texts.count;
}

const uint8_t *tp_rows_text(const Rows *rows, uint32_t comments, const uint32_t **ends) {
    const Intern *intern = comments ? &rows->notes : &rows->texts;
    *ends = intern->ends;
    return intern->text.data;
}

/* The head of a group, from its `{`: properties go to the batch as spans; at the end `state` is 1 behind the `[` of
 * its rows, 2 behind the `}` of a group without `data`. A block that ends too early gives FAULT_NEED_MORE. */
void tp_scan_head(Batch *batch, const uint8_t *block, uint64_t size, uint32_t final) {
    Json *j = &(Json){.start = block, .p = block, .end = block + size, .scratch = &batch->scratch, .final = final};
    NO_MEMORY_GUARD((void)(batch->report.fault = FAULT_NO_MEMORY));
    if (size >= BLOCK_LIMIT) {
        batch->report.fault = FAULT_BLOCK_SIZE;
        return;
    }
    batch->report.property_count = 0;
    batch->report.state = 0;
    bool good = json_space(j);
    if (good && *j->p != '{') {
        bool starts_value = *j->p && strchr("[\"-0123456789tfn", *j->p);
        good = json_fail(j, starts_value ? FAULT_STRUCTURE : FAULT_SYNTAX, j->p);
    } else if (good) {
        j->p++;
    }
    for (bool first = true; good; first = false) {
        const uint8_t *key, *name;
        size_t name_size;
        bool escaped;
        if (!(good = json_space(j)))
            break;
        if (*j->p == '}' && first) {
            j->p++;
            batch->report.state = 2;
            break;
        }
        key = j->p;
        if (*key != '"') {
            good = json_fail(j, FAULT_SYNTAX, key);
            break;
        }
        j->p++;
        if (!(good = json_string(j, &name, &name_size, &escaped)))
            break;
        size_t key_size = (size_t)(j->p - key);
        if (!(good = json_space(j)))
            break;
        if (*j->p != ':') {
            good = json_fail(j, FAULT_SYNTAX, j->p);
            break;
        }
        j->p++;
        if (!(good = json_space(j)))
            break;
        const uint8_t *value = j->p;
        if (escaped) {
            j->scratch->size = 0;
            json_unescape(j->scratch, name, name_size);
            name = j->scratch->data;
            name_size = j->scratch->size;
        }
        if (name_size == 4 && !memcmp(name, "data", 4) && *value == '[') {
            j->p++;
            batch_property(batch, (uint32_t)(key - block), (uint32_t)key_size, (uint32_t)(value - block), 1);
            batch->report.state = 1;
            break;
        }
        if (!(good = json_skip(j, 1)))
            break;
        batch_property(batch, (uint32_t)(key - block), (uint32_t)key_size, (uint32_t)(value - block),
                       (uint32_t)(j->p - value));
        if (!(good = json_space(j)))
            break;
        uint8_t c = *j->p;
        if (c != ',' && c != '}') {
            good = json_fail(j, FAULT_SYNTAX, j->p);
            break;
        }
        j->p++;
        if (c == '}') {
            batch->report.state = 2;
            break;
        }
    }
    batch->report.consumed = (uint64_t)(j->p - block);
    batch->report.fault = j->fault;
    batch->report.fault_at = j->fault_at ? (uint64_t)(j->fault_at - block) : 0;
}
