/* DXF2 CSV: records to rows, by the layout that the header (or its absence) settled.
 *
 * RFC 4180 with the readings of docs/formats/dxf-csv.md: any line end, blank lines passed, spaces and tabs before a
 * cell and around an unquoted one passed, a quote within an unquoted cell literal.
 */
#include "batch.h"

typedef struct {
    Text text;
    bool quoted, trailing; /* text behind the closing quote */
} Cell;

/* The first delimiter or line end from `p` on. */
static inline const uint8_t *cell_end(const uint8_t *p, const uint8_t *end, uint8_t delimiter) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    while (end - p >= 8) {
        uint64_t x = load64(p), a = x ^ (ones * delimiter), b = x ^ (ones * '\n'), c = x ^ (ones * '\r');
        uint64_t hit = (((a - ones) & ~a) | ((b - ones) & ~b) | ((c - ones) & ~c)) & tops;
        if (hit)
            return p + __builtin_ctzll(hit) / 8;
        p += 8;
    }
#endif
    while (p < end && *p != delimiter && *p != '\n' && *p != '\r')
        p++;
    return p;
}

/* One cell from `p`; returns the delimiter or line end behind it (or the end), NULL when the quote stays open. */
static const uint8_t *read_cell(Batch *batch, const uint8_t *p, const uint8_t *end, const Layout *layout, Cell *cell,
                                uint32_t *notices) {
    uint8_t delimiter = (uint8_t)layout->delimiter;
    *cell = (Cell){0};
    while (p < end && (*p == ' ' || *p == '\t') && *p != delimiter)
        p++;
    if (p < end && *p == '"') {
        const uint8_t *from = ++p;
        size_t offset = batch->scratch.size;
        cell->quoted = true;
        for (;;) {
            const uint8_t *quote = memchr(p, '"', (size_t)(end - p));
            if (!quote)
                return NULL;
            if (quote + 1 < end && quote[1] == '"') {
                bytes_add(&batch->scratch, from, (size_t)(quote + 1 - from));
                from = p = quote + 2;
                cell->text.in_scratch = true;
                *notices |= 1u << NOTICE_CSV_MISREAD;
                continue;
            }
            p = quote;
            break;
        }
        if (cell->text.in_scratch) {
            bytes_add(&batch->scratch, from, (size_t)(p - from));
            cell->text.offset = offset;
            cell->text.size = batch->scratch.size - offset;
        } else {
            cell->text.at = from;
            cell->text.size = (size_t)(p - from);
        }
        p++;
        while (p < end && *p != delimiter && *p != '\n' && *p != '\r') {
            cell->trailing |= *p != ' ' && *p != '\t';
            p++;
        }
    } else {
        const uint8_t *from = p;
        p = cell_end(p, end, delimiter);
        const uint8_t *to = p;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
            to--;
        cell->text.at = from;
        cell->text.size = (size_t)(to - from);
    }
    if (layout->cells != CELLS_OF_CSV) {
        cell->text.present = cell->quoted || cell->text.size;
        *notices &= ~(1u << NOTICE_CSV_MISREAD); /* quotes are ours */
        return p;
    }
    const uint8_t *data = text_data(batch, &cell->text);
    cell->text.present = cell->text.size > 0;
    if (cell->text.size == 4 && same_bytes(data, (const uint8_t *)"null", 4)) {
        cell->text.present = false;
        *notices |= 1u << NOTICE_NULL_CELL;
    }
    if (cell->quoted && !(*notices & 1u << NOTICE_CSV_MISREAD) &&
        (memchr(data, '\n', cell->text.size) || memchr(data, '\r', cell->text.size)))
        *notices |= 1u << NOTICE_CSV_MISREAD;
    return p;
}

#define OPTIONS_LIMIT 256

/* What stands in the cells of one record, gathered until its end is reached. */
typedef struct {
    Draft draft;
    Text option[OPTIONS_LIMIT]; /* cells of columns that hold options */
    uint32_t option_column[OPTIONS_LIMIT];
    int options;
    Text attribute_combo, attribute_options;
    uint64_t attribute_options_column;
} Record;

static Text column_name(const Layout *layout, uint64_t column) {
    uint32_t from = column ? layout->name_ends[column - 1] : 0;
    return (Text){.at = layout->names + from, .size = layout->name_ends[column] - from, .present = true};
}

COLD void take_again(Batch *batch, Record *record, enum Column meaning, const Cell *cell) {
    Draft other = {0};
    if (meaning <= COLUMN_COMMENT && memchr(text_data(batch, &cell->text), 0, cell->text.size))
        other.flags |= ROW_REJECTED;
    draft_take(batch, &other, (uint32_t)meaning, &cell->text);
    draft_unite(batch, &record->draft, &other, (uint32_t)meaning);
}

static void take(Batch *batch, const Layout *layout, Record *record, uint64_t column, Cell *cell) {
    Draft *draft = &record->draft;
    if (cell->trailing)
        draft->flags |= ROW_REJECTED;
    if (!cell->text.present)
        return;
    if (!cell->text.size) { /* of a table: it says nothing, unless it takes a comment away */
        if (layout->cells == CELLS_OF_ADV2 && column < layout->columns && layout->meaning[column] == COLUMN_COMMENT)
            draft->flags |= ROW_HAS_COMMENT;
        return;
    }
    if (column >= layout->columns) {
        batch_leave_out(batch, (const uint8_t *)"(surplus cells)", 15, text_data(batch, &cell->text), cell->text.size);
        return;
    }
    const uint8_t *text = text_data(batch, &cell->text);
    size_t size = cell->text.size;
    Text name = column_name(layout, column);
    enum Column meaning = layout->meaning[column];
    bool of_combo = meaning >= COLUMN_ATTRIBUTE_COMBO && meaning <= COLUMN_ATTRIBUTE_OPTION;
    if ((meaning <= COLUMN_COMMENT || of_combo) && memchr(text, 0, size))
        draft->flags |= ROW_REJECTED;
    switch (meaning) {
    case COLUMN_STORED_BY:
    case COLUMN_CREATED:
    case COLUMN_LAST_UPDATED:
        draft->dropped |= 1u << (meaning - COLUMN_STORED_BY + DROPPED_STORED_BY);
        break;
    case COLUMN_ATTRIBUTE_COMBO:
        record->attribute_combo = cell->text;
        batch_drop_named(batch, name.at, name.size);
        break;
    case COLUMN_ATTRIBUTE_OPTIONS:
        record->attribute_options = cell->text;
        record->attribute_options_column = column;
        break;
    case COLUMN_CATEGORY:
    case COLUMN_OPTION:
    case COLUMN_ATTRIBUTE_CATEGORY:
    case COLUMN_ATTRIBUTE_OPTION:
        if (record->options < OPTIONS_LIMIT) {
            record->option_column[record->options] = (uint32_t)column;
            record->option[record->options++] = cell->text;
        } else {
            draft->flags |= ROW_REJECTED;
        }
        break;
    case COLUMN_DROPPED:
        batch_leave_out(batch, name.at, name.size, text, size);
        break;
    case COLUMN_COUNTED:
        batch_drop_named(batch, name.at, name.size);
        break;
    case COLUMN_PASSED:
        break;
    default:
        if (meaning >= COLUMN_AGAIN)
            take_again(batch, record, (enum Column)(meaning - COLUMN_AGAIN), cell);
        else
            draft_take(batch, draft, (uint32_t)meaning, &cell->text);
    }
}

/* Make an option combo of the options that the record gives of it: with their categories, or else in their order. */
static void settle_combo(Batch *batch, const Layout *layout, Record *record, int kind) {
    Draft *draft = &record->draft;
    Bytes *scratch = &batch->scratch;
    size_t start = scratch->size;
    enum Column of_category = kind == COC ? COLUMN_CATEGORY : COLUMN_ATTRIBUTE_CATEGORY;
    for (int i = 0; i < record->options; i++) {
        Text name = column_name(layout, record->option_column[i]);
        enum Column meaning = layout->meaning[record->option_column[i]];
        if (meaning != of_category && meaning != of_category + 1)
            continue;
        bool listed = meaning != of_category, begun = scratch->size > start;
        if (draft->id[kind] || (begun && (scratch->data[start] == 'L') != listed)) { /* the identifier wins, as in 2.43 */
            batch_leave_out(batch, name.at, name.size, text_data(batch, &record->option[i]), record->option[i].size);
            continue;
        }
        if (!listed) {
            batch_add_option(batch, draft, start, name.at, name.size, &record->option[i]);
            continue;
        }
        bytes_reserve(scratch, record->option[i].size + 3); /* first, as the text may lie there */
        if (!begun)
            bytes_add(scratch, (const uint8_t *)"L", 2); /* of no category combo that is named */
        bytes_add(scratch, text_data(batch, &record->option[i]), record->option[i].size);
        bytes_add_byte(scratch, 0);
    }
    if (scratch->size > start && !(draft->flags & ROW_REJECTED)) /* an option that holds NUL would read as two */
        draft->id[kind] = intern_text(&batch->intern[kind], scratch->data + start, scratch->size - start);
    scratch->size = start;
}

static void settle_options(Batch *batch, const Layout *layout, Record *record) {
    Draft *draft = &record->draft;
    Bytes *scratch = &batch->scratch;
    size_t start = scratch->size;
    if (record->options) {
        settle_combo(batch, layout, record, COC);
        settle_combo(batch, layout, record, AOC);
    }
    if (record->attribute_options.present && draft->id[AOC]) {
        Text name = column_name(layout, record->attribute_options_column);
        batch_leave_out(batch, name.at, name.size, text_data(batch, &record->attribute_options),
                        record->attribute_options.size);
    } else if (record->attribute_options.present) {
        /* 'L', the combo, NUL, then option NUL of each. */
        bytes_reserve(scratch, record->attribute_combo.size + record->attribute_options.size + 4);
        bytes_add_byte(scratch, 'L');
        if (record->attribute_combo.present)
            bytes_add(scratch, text_data(batch, &record->attribute_combo), record->attribute_combo.size);
        bytes_add_byte(scratch, 0);
        const uint8_t *p = text_data(batch, &record->attribute_options), *end = p + record->attribute_options.size;
        bool said = false;
        while (p < end) {
            while (p < end && (*p == ' ' || *p == '\t'))
                p++;
            const uint8_t *from = p;
            while (p < end && *p != ' ' && *p != '\t')
                p++;
            if (p > from) {
                bytes_add(scratch, from, (size_t)(p - from));
                bytes_add_byte(scratch, 0);
                said = true;
            }
        }
        if (said) {
            draft->id[AOC] = intern_text(&batch->intern[AOC], scratch->data + start, scratch->size - start);
            draft->notices |= 1u << NOTICE_OPTION_LIST;
        }
        scratch->size = start;
    }
}

/* Scan records from a record's start; `consumed` ends at the last record's end that is certain. */
void tp_scan_csv(Batch *batch, const uint8_t *block, uint64_t size, const Layout *layout, uint32_t final) {
    const uint8_t *p = block, *end = block + size, *bad, *unit = block;
    SCAN_GUARD(batch->report, size);
    Record record;
    while (p < end) {
        unit = p;
        const uint8_t *q = p;
        while (q < end && (*q == ' ' || *q == '\t'))
            q++;
        if (q == end || *q == '\n' || *q == '\r') { /* a blank line */
            if (!final && (q == end || (*q == '\r' && q + 1 == end)))
                break;
            unit = p = q + (end - q >= 2 && *q == '\r' && q[1] == '\n' ? 2 : q < end);
            if (!batch->report.notices[NOTICE_CSV_MISREAD].count++)
                batch->report.notices[NOTICE_CSV_MISREAD].first = batch->report.rows;
            continue;
        }
        batch_start_row(batch);
        record.draft = (Draft){0};
        record.options = 0;
        record.attribute_combo.present = record.attribute_options.present = false;
        record.attribute_combo.size = 0;
        uint64_t column = 0;
        bool says_something = false;
        for (;; column++) {
            Cell found;
            p = read_cell(batch, p, end, layout, &found, &record.draft.notices);
            if (!p)
                break;
            if (!says_something)
                says_something =
                    found.trailing || (found.text.size && !text_blank(text_data(batch, &found.text), found.text.size));
            take(batch, layout, &record, column, &found);
            if (p == end || *p != (uint8_t)layout->delimiter)
                break;
            p++;
        }
        if (!p) {
            if (final) {
                batch->report.fault = FAULT_UNCLOSED_QUOTE;
                batch->report.fault_at = (uint64_t)(unit - block);
            }
            break;
        }
        if (!final && (p == end || (*p == '\r' && p + 1 == end)))
            break; /* the record, or its CR LF, may go on */
        if (p == end && column + 1 < layout->expected)
            record.draft.notices |= 1u << NOTICE_CSV_CUT;
        const uint8_t *row_end = p;
        if (p < end && *p == '\r') {
            p++;
            if (p < end && *p == '\n') {
                p++;
                record.draft.notices |= 1u << NOTICE_CSV_MISREAD;
            }
        } else if (p < end) {
            p++;
        }
        if (!says_something) { /* delimiters alone: a row that a spreadsheet left empty */
            batch_forget_names(batch);
            unit = p;
            continue;
        }
        if (!utf8_valid(unit, row_end, &bad)) {
            batch->report.fault = FAULT_UTF8;
            batch->report.fault_at = (uint64_t)(bad - block);
            break;
        }
        settle_options(batch, layout, &record);
        if (layout->cells == CELLS_OF_ADV2)
            batch_finish_row(batch, &record.draft, (uint32_t)(unit - block), (uint32_t)(row_end - unit));
        else
            batch_finish_file_row(batch, &record.draft, (uint32_t)(unit - block), (uint32_t)(row_end - unit));
        unit = p;
    }
    batch->report.consumed = (uint64_t)(unit - block);
}
