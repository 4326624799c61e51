/* ADV2 rows, in order: repeats are found, flawed rows gathered in runs, the others accepted.
 *
 * Memory: the keys of one block of rows (a period and an org unit) to find repeats: as a list, and as a bit for each key
 * that there can be once that is smaller. Neither is larger than the rules allow.
 */
#include "rows.h"

#include <stdlib.h>

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
    for (uint32_t place = 0; place < rules->places; place++) {
        rows->refuses |= rules->refused[place] != NULL;
        rows->passes |= rules->passed[place] != NULL;
    }
    rows->last_asked = UINT32_MAX;
    if (rules->block_places && rules->passed[0])
        for (rows->last_asked = rules->sizes[0] - 1; rows->last_asked && rules->passed[0][rows->last_asked];)
            rows->last_asked--;
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

void tp_rows_judge(Rows *rows, const uint8_t *values, const uint8_t *comments, uint32_t no_comment) {
    NO_MEMORY_GUARD((void)(rows->report.fault = FAULT_NO_MEMORY));
    rows->first = rows->report.rows;
    rows->report.rows += tp_rows_scanned(rows);
    for (size_t i = 0; i < rows->row_count; i++) {
        AdvRow *row = &rows->row[i];
        uint64_t number = row_number(rows, i);
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
            rows->row_count = rows->passed = 0; /* none of this block is handed on */
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

uint64_t tp_rows_scanned(const Rows *rows) { return rows->row_count + rows->passed; }

uint32_t tp_rows_texts(const Rows *rows, uint32_t comments) {
    return comments ? rows->notes.count : rows->texts.count;
}

const uint8_t *tp_rows_text(const Rows *rows, uint32_t comments, const uint32_t **ends) {
    const Intern *intern = comments ? &rows->notes : &rows->texts;
    *ends = intern->ends;
    return intern->text.data;
}
