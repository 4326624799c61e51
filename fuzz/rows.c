/* ADV2 rows: judged, and written back. See chain.h. */
#include "chain.h"

static uint8_t verdict(const uint8_t *text, size_t size) {
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + text[i];
    return sum % 8 == 1 ? (uint8_t)(1 + sum / 8 % 3) : 0;
}

/* What the caller says of each distinct text of the block; NULL where it is not asked. */
static uint8_t *verdicts(const Rows *rows, bool comments) {
    const uint32_t *ends;
    uint32_t count = tp_rows_texts(rows, comments);
    const uint8_t *text = tp_rows_text(rows, comments, &ends);
    uint8_t *said = malloc(count);
    for (uint32_t i = 0; i < count; i++)
        said[i] = verdict(text + ends[i], ends[i + 1] - ends[i]);
    return said;
}

/* Rows of a batch as an import is given them, `from` some row on by itself. */
static bool add_lines(const RowRules *rules, const RowBatch *batch, Text *lines) {
    uint64_t weights[PLACES_LIMIT], size, rows = tp_row_batch_rows(batch), half = rows / 2;
    uint8_t ends[PLACES_LIMIT];
    for (uint32_t i = 0; i < rules->places; i++) { /* every third place is a part of the one behind it */
        ends[i] = i % 3 != 1 || i + 1 == rules->places;
        weights[i] = ends[i] ? 1 : rules->sizes[i + 1];
    }
    CopyText *copy = tp_copy_text_new(rules->places, weights, ends);
    bool good = copy != NULL;
    for (uint64_t from = 0, to = half; good; from = to, to = rows) {
        const uint8_t *text = tp_copy_text(copy, batch, from, to, rules->apart ? 7 : -1, &size);
        good = text != NULL;
        if (good)
            text_add(lines, text, size);
        if (to == rows)
            break;
    }
    tp_copy_text_free(copy);
    return good;
}

static bool hand_on(const RowRules *rules, Rows *rows, const uint8_t *block, Judged *judged) {
    RowBatch *batch = tp_rows_batch(rows, block), *named = batch ? tp_rows_named(rows) : NULL;
    bool good = batch && named && add_lines(rules, batch, &judged->lines) && add_lines(rules, named, &judged->named);
    tp_row_batch_free(named);
    if (batch) {
        judged->batches = realloc(judged->batches, (judged->batch_count + 1) * sizeof *judged->batches);
        judged->batches[judged->batch_count++] = batch;
    }
    return good;
}

bool judge_rows(const RowRules *rules, const uint8_t *text, size_t size, size_t block_bytes, bool asks, Judged *judged) {
    size_t done = 0, to = 0;
    bool good = true;
    Rows *rows = tp_rows_new(rules, SEED);
    *judged = (Judged){0};
    if (!rows)
        return false;
    const RowsReport *report = tp_rows_report(rows);
    while (good && to < size && !judged->fault && judged->state != ROWS_END) {
        to = size - to > block_bytes ? to + block_bytes : size;
        uint8_t *block = exactly(text + done, to - done);
        tp_rows_scan(rows, block, to - done, judged->state, to == size);
        if (!report->fault) {
            uint8_t *values = asks ? verdicts(rows, false) : NULL, *comments = asks ? verdicts(rows, true) : NULL;
            tp_rows_judge(rows, values, comments, asks ? rules->comment_limit % 2 : 0);
            free(values);
            free(comments);
        }
        judged->fault = report->fault;
        judged->state = report->state;
        good = report->fault != FAULT_NO_MEMORY;
        CHECK(!good || (report->consumed <= to - done && report->fault_at <= to - done));
        CHECK(report->fault || report->rows == report->accepted + report->ignored);
        if (good && !report->fault) {
            uint64_t in_runs = 0, before = report->rows - tp_rows_scanned(rows);
            for (uint64_t i = 0; i < report->run_count; i++) {
                const Run *run = &report->runs[i];
                CHECK(run->at + run->size <= report->consumed && run->row >= before && run->flaw);
                in_runs += run->count;
            }
            CHECK(in_runs <= tp_rows_scanned(rows));
            good = hand_on(rules, rows, block, judged);
        }
        done += good ? report->consumed : 0;
        free(block);
    }
    judged->rows = report->rows;
    judged->accepted = report->accepted;
    judged->ignored = report->ignored;
    tp_rows_free(rows);
    return good;
}

void judged_free(Judged *judged) {
    for (size_t i = 0; i < judged->batch_count; i++)
        tp_row_batch_free(judged->batches[i]);
    free(judged->batches);
    text_free(&judged->lines);
    text_free(&judged->named);
}

static bool same_text(const Text *a, const Text *b) {
    return a->size == b->size && (!a->size || !memcmp(a->data, b->data, a->size));
}

bool same_judged(const Judged *a, const Judged *b) {
    return a->rows == b->rows && a->accepted == b->accepted && a->state == b->state && a->fault == b->fault &&
           same_text(&a->lines, &b->lines) && same_text(&a->named, &b->named);
}

/* --- Written back ------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *open, *before_row, *places, *value[4], *comment[4], *deleted[4], *followup[4], *after_row, *close;
} Grammar;

static const Grammar GRAMMARS[] = {
    [ESCAPE_JSON] = {"{\"dataValues\":[", ",\n{\"dataElement\":\"d\"", ",\"period\":\"p%u\"", {",\"value\":\"", "\"", "", ""},
                     {",\"comment\":\"", "\"", "", ""}, {",\"deleted\":true", "", "", ""},
                     {",\"followUp\":true", ",\"followUp\":false", "", ""}, "}", "]}"},
    [ESCAPE_CSV] = {"", "d", ",p%u", {",", "", ",", ","}, {",", "", ",", ","}, {",true", ",false", "", ""},
                    {",true", ",false", "", ","}, "\n", ""},
    [ESCAPE_XML] = {"<dataValueSet>", "<dataValue dataElement=\"d\"", " period=\"p%u\"", {" value=\"", "\"", "", ""},
                    {" comment=\"", "\"", "", ""}, {" deleted=\"true\"", "", "", ""},
                    {" followUp=\"true\"", " followUp=\"false\"", "", ""}, "/>", "</dataValueSet>"},
};

static bool add_piece(Join *join, uint32_t kind, const char *const *texts, uint32_t count, uint32_t places, uint32_t stride) {
    Text text = {0};
    uint64_t *ends = calloc(count + 1, sizeof *ends);
    uint8_t *stated = malloc(count);
    for (uint32_t i = 0; i < count; i++) {
        char said[80];
        sprintf(said, texts[stride * i], i);
        text_say(&text, said);
        ends[i + 1] = text.size;
        stated[i] = i % 16 != 15;
    }
    uint8_t *given = exactly(text.data, text.size);
    bool good = tp_join_piece(join, kind, 0, places, count, given, ends, stated);
    free(given);
    free(stated);
    free(ends);
    text_free(&text);
    return good;
}

static bool add_pieces(Join *join, const Grammar *g, uint32_t combinations, uint32_t places) {
    const char *deleted[] = {g->deleted[0], g->deleted[1], "", ""};
    return add_piece(join, PIECE_PLACES, &g->places, combinations, places, 0) &&
           add_piece(join, PIECE_VALUE, g->value, 4, 0, 1) && add_piece(join, PIECE_COMMENT, g->comment, 4, 0, 1) &&
           add_piece(join, PIECE_FOLLOWUP, g->followup, 4, 0, 1) && add_piece(join, PIECE_DELETED, deleted, 4, 0, 1) &&
           add_piece(join, PIECE_PLACES, &g->after_row, 1, 0, 0);
}

static bool read_back(uint32_t escape, const Text *text, uint64_t rows) {
    static const uint8_t meaning[] = {DE, PE, COLUMN_VALUE, COLUMN_COMMENT, COLUMN_FOLLOWUP, COLUMN_DELETED};
    static const uint32_t ends[] = {1, 2, 3, 4, 5, 6};
    const Layout layout = {6, meaning, (const uint8_t *)"abcdef", ends, ',', 6, CELLS_OF_CSV};
    Batch *batch = tp_batch_new(SEED);
    if (!batch)
        return false;
    uint8_t *block = exactly(text->data, text->size);
    if (escape == ESCAPE_JSON)
        tp_scan_json(batch, block, text->size, 0, true, false);
    else if (escape == ESCAPE_CSV)
        tp_scan_csv(batch, block, text->size, &layout, true);
    else
        tp_scan_xml(batch, block, text->size, false, 0, true);
    const BatchReport *report = tp_batch_report(batch);
    bool good = report->fault != FAULT_NO_MEMORY;
    CHECK(!good || (report->fault == FAULT_NONE && report->rows == rows));
    tp_batch_free(batch);
    free(block);
    return good;
}

bool write_back(const RowRules *rules, const Judged *judged, uint32_t escape, bool grouped) {
    const Grammar *g = &GRAMMARS[escape];
    uint64_t sizes[PLACES_LIMIT], combinations = 1, size = 0;
    uint32_t places = 0;
    for (uint32_t i = 0; i < rules->places; i++)
        sizes[i] = rules->sizes[i];
    while (places < rules->places && combinations * sizes[places] < 5000)
        combinations *= sizes[places++];
    Text text = {0};
    Join *join = tp_join_new(escape, rules->places, sizes, grouped, (const uint8_t *)"", 0);
    bool good = join && add_piece(join, PIECE_PLACES, &g->before_row, 1, 0, 0) &&
                add_pieces(join, g, (uint32_t)combinations, places);
    text_say(&text, g->open);
    size_t opened = text.size;
    for (size_t i = 0; good && i < judged->batch_count; i++)
        for (uint64_t row = 0, before = 0; good && row < tp_row_batch_rows(judged->batches[i]); before = row) {
            const uint8_t *joined = tp_join_rows(join, judged->batches[i], &row, &size);
            good = joined != NULL;
            if (good) {
                CHECK(row > before);
                text_add(&text, joined, size);
            }
        }
    if (good) {
        const JoinReport *report = tp_join_report(join);
        uint64_t unstated = 0, written = report->written;
        for (int i = 0; i < PIECES_LIMIT; i++)
            unstated += report->unstated[i];
        CHECK(written + report->left_out == judged->accepted && unstated == report->left_out);
        tp_join_end(join);
        text_say(&text, g->close);
        if (escape == ESCAPE_JSON && written) { /* the comma in front of the first row */
            memmove(text.data + opened, text.data + opened + 1, text.size - opened - 1);
            text.size--;
        }
        good = grouped || read_back(escape, &text, written);
    }
    tp_join_free(join);
    text_free(&text);
    return good;
}
