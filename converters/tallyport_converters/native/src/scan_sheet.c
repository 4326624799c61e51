/* Sheets and shared strings of workbooks (Office Open XML): XML to records of CSV, a cell or a string each.
 *
 * A cell: row, column, type, style, "text"; row and column count from 1. Elements go by their local names. A whole row, or
 * a whole string, is taken at a time; whatever else there is in such files is skipped. Documents with a DOCTYPE are refused.
 * Source: ECMA-376, part 1, 18.3 (sheets), 18.4 (strings), 22.9.2.19 (`_x000D_`).
 */
#include "scanner.h"
#include "text.h"

#include <stdlib.h>

#define ROWS_LIMIT 1048576
#define COLUMNS_LIMIT 16384

struct Sheet {
    SheetReport report;
    Bytes records, text;
    uint32_t depth;
    bool strings, in_data;
};

typedef struct {
    const uint8_t *at;
    size_t size;
} Span;

enum TagKind { TAG_OPEN, TAG_CLOSE, TAG_EMPTY };

/* The XML that is read, and the tag at hand. */
typedef struct {
    Sheet *sheet;
    const uint8_t *p, *end;
    bool final;
    enum TagKind kind;
    Span name, attributes;
} Xml;

Sheet *tp_sheet_new(uint32_t strings) {
    Sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet)
        sheet->strings = strings;
    return sheet;
}

void tp_sheet_free(Sheet *sheet) {
    if (!sheet)
        return;
    bytes_free(&sheet->records);
    bytes_free(&sheet->text);
    free(sheet);
}

const SheetReport *tp_sheet_report(const Sheet *sheet) { return &sheet->report; }

static bool fail(Xml *x, enum Fault fault) {
    x->sheet->report.fault = fault;
    return false;
}

static bool need(Xml *x) { return fail(x, x->final ? FAULT_TRUNCATED : FAULT_NEED_MORE); }

static bool is(Span text, const char *word) {
    return text.size == strlen(word) && !memcmp(text.at, word, text.size);
}

/* Behind the next `mark` from `p` on; NULL: it is not in this block. */
static const uint8_t *behind(const uint8_t *p, const uint8_t *end, const char *mark) {
    size_t size = strlen(mark);
    for (; (size_t)(end - p) >= size; p++) {
        p = memchr(p, mark[0], (size_t)(end - p) - size + 1);
        if (!p)
            return NULL;
        if (!memcmp(p, mark, size))
            return p + size;
    }
    return NULL;
}

/* A number in decimal or, with `base` 16, in hexadecimal digits; UINT32_MAX for anything else. */
static uint32_t number_in(Span text, uint32_t base) {
    uint32_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.at[i], low = c | 0x20;
        uint32_t digit = is_digit(c) ? c - '0' : base == 16 && low >= 'a' && low <= 'f' ? low - 'a' + 10u : base;
        if (digit >= base || number > 0xFFFFFFF)
            return UINT32_MAX;
        number = number * base + digit;
    }
    return text.size ? number : UINT32_MAX;
}

static bool xml_char(uint32_t c) { /* [2] Char */
    return c == 9 || c == 10 || c == 13 || (c >= 0x20 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) ||
           (c >= 0x10000 && c <= 0x10FFFF);
}

/* Add a piece of text with its references decoded, and its line ends as XML has them. */
static bool add_text(Xml *x, const uint8_t *p, const uint8_t *end) {
    static const struct {
        const char *name;
        char c;
    } known[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    Bytes *text = &x->sheet->text;
    while (p < end) {
        const uint8_t *from = p;
        while (p < end && *p != '&' && *p != '\r')
            p++;
        bytes_add(text, from, (size_t)(p - from));
        if (p == end)
            break;
        if (*p == '\r') {
            bytes_add_byte(text, '\n');
            p += p + 1 < end && p[1] == '\n' ? 2 : 1;
            continue;
        }
        const uint8_t *stop = memchr(p, ';', (size_t)(end - p));
        if (!stop)
            return fail(x, FAULT_SYNTAX);
        Span name = {p + 1, (size_t)(stop - p - 1)};
        uint32_t c = 0;
        if (name.size > 1 && *name.at == '#') {
            uint32_t base = name.at[1] == 'x' ? 16 : 10, marks = base == 16 ? 2 : 1;
            c = number_in((Span){name.at + marks, name.size - marks}, base);
        }
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (is(name, known[i].name))
                c = (uint8_t)known[i].c;
        if (!xml_char(c))
            return fail(x, FAULT_SYNTAX);
        utf8_encode(text, c);
        p = stop + 1;
    }
    return true;
}

/* Come to the next tag; the text before it is `kept` or not. */
static bool to_tag(Xml *x, bool kept) {
    for (;;) {
        const uint8_t *tag = memchr(x->p, '<', (size_t)(x->end - x->p));
        if (!tag)
            return need(x);
        if (kept && !add_text(x, x->p, tag))
            return false;
        x->p = tag;
        size_t left = (size_t)(x->end - tag);
        if (left < 9 && !x->final)
            return need(x);
        const uint8_t *next;
        if (left >= 4 && !memcmp(tag, "<!--", 4)) {
            next = behind(tag + 4, x->end, "-->");
        } else if (left >= 9 && !memcmp(tag, "<![CDATA[", 9)) {
            next = behind(tag + 9, x->end, "]]>");
            if (next && kept)
                bytes_add(&x->sheet->text, tag + 9, (size_t)(next - 3 - tag - 9));
        } else if (left >= 2 && tag[1] == '?') {
            next = behind(tag + 2, x->end, "?>");
        } else if (left >= 2 && tag[1] == '!') {
            return fail(x, FAULT_STRUCTURE);
        } else {
            return true;
        }
        if (!next)
            return need(x);
        x->p = next;
    }
}

/* Read the tag that begins here. */
static bool read_tag(Xml *x) {
    const uint8_t *p = x->p + 1, *end = x->end, *from;
    x->kind = TAG_OPEN;
    if (p < end && *p == '/') {
        x->kind = TAG_CLOSE;
        p++;
    }
    for (from = p; p < end && *p != '>' && *p != '/' && !is_space(*p); p++)
        if (*p == ':')
            from = p + 1;
    x->name = (Span){from, (size_t)(p - from)};
    from = p;
    for (uint8_t quote = 0; p < end && (quote || *p != '>'); p++)
        if (*p == quote)
            quote = 0;
        else if (!quote && (*p == '"' || *p == '\''))
            quote = *p;
        else if (*p == '<')
            return fail(x, FAULT_SYNTAX);
    if (p == end)
        return need(x);
    if (!x->name.size)
        return fail(x, FAULT_SYNTAX);
    if (p > from && p[-1] == '/' && x->kind == TAG_OPEN)
        x->kind = TAG_EMPTY;
    x->attributes = (Span){from, (size_t)(p - from)};
    x->p = p + 1;
    return true;
}

static bool next_tag(Xml *x, bool kept) { return to_tag(x, kept) && read_tag(x); }

/* The text of an attribute as it is written; empty where it is not there. */
static Span attribute(const Xml *x, const char *name) {
    const uint8_t *p = x->attributes.at, *end = p + x->attributes.size;
    while (p < end) {
        while (p < end && (is_space(*p) || *p == '/'))
            p++;
        const uint8_t *from = p;
        while (p < end && *p != '=' && !is_space(*p))
            p++;
        Span found = {from, (size_t)(p - from)};
        while (p < end && *p != '"' && *p != '\'')
            p++;
        if (p == end)
            break;
        const uint8_t *text = p + 1, *stop = memchr(text, *p, (size_t)(end - text));
        if (!stop)
            break;
        if (is(found, name))
            return (Span){text, (size_t)(stop - text)};
        p = stop + 1;
    }
    return (Span){end, 0};
}

static bool truth(Span text) { return is(text, "1") || is(text, "true"); }

/* Skip what the tag at hand has opened. */
static bool skip(Xml *x) {
    for (uint32_t depth = x->kind == TAG_OPEN; depth;) {
        if (!next_tag(x, false))
            return false;
        depth += x->kind == TAG_OPEN;
        depth -= x->kind == TAG_CLOSE;
    }
    return true;
}

/* Add a text in quotes; what is written as `_x000D_` is a character. */
static void add_quoted(Bytes *out, const uint8_t *p, size_t size, bool escaped) {
    bytes_add_byte(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (escaped && p[i] == '_' && size - i >= 7 && p[i + 1] == 'x' && p[i + 6] == '_') {
            uint32_t c = number_in((Span){p + i + 2, 4}, 16);
            if (c && c <= 0xFFFF && (c < 0xD800 || c > 0xDFFF)) { /* also those that XML has no other way to write */
                utf8_encode(out, c);
                if (c == '"')
                    bytes_add_byte(out, '"');
                i += 6;
                continue;
            }
        }
        if (p[i] == '"')
            bytes_add_byte(out, '"');
        bytes_add_byte(out, p[i]);
    }
    bytes_add(out, "\"\n", 2);
}

static void add_place(Sheet *sheet, uint32_t row, uint32_t column, uint8_t type, uint32_t style) {
    uint8_t place[3 * NUMBER_SIZE + 5], *p = put_number(place, row);
    *p++ = ',';
    p = put_number(p, column);
    *p++ = ',';
    *p++ = type;
    *p++ = ',';
    p = put_number(p, style);
    *p++ = ',';
    bytes_add(&sheet->records, place, (size_t)(p - place));
}

/* The text of a string item or inline string, whose tag is at hand: all its `t` but those that say how it is read. */
static bool string_text(Xml *x) {
    x->sheet->text.size = 0;
    if (x->kind == TAG_EMPTY)
        return true;
    for (uint32_t depth = 1;;) {
        if (!next_tag(x, false))
            return false;
        if (x->kind == TAG_OPEN && is(x->name, "t")) {
            if (!next_tag(x, true))
                return false;
            if (x->kind != TAG_CLOSE)
                return fail(x, FAULT_SYNTAX);
        } else if (x->kind == TAG_OPEN && is(x->name, "rPh")) {
            if (!skip(x))
                return false;
        } else if (x->kind == TAG_OPEN) {
            depth++;
        } else if (x->kind == TAG_CLOSE && !--depth) {
            return true;
        }
    }
}

/* The column of a reference such as B7; 0 for what is none. */
static uint32_t column_of(Span reference) {
    uint32_t column = 0;
    size_t i = 0;
    for (; i < reference.size && (reference.at[i] | 0x20) >= 'a' && (reference.at[i] | 0x20) <= 'z' && i < 4; i++)
        column = column * 26 + (reference.at[i] | 0x20u) - 'a' + 1;
    return column <= COLUMNS_LIMIT ? column : COLUMNS_LIMIT + 1;
}

/* One cell, whose tag is at hand; `column` is that of the one before, and becomes its own. */
static bool read_cell(Xml *x, uint32_t *column) {
    Sheet *sheet = x->sheet;
    Span reference = attribute(x, "r"), styled = attribute(x, "s"), typed = attribute(x, "t");
    uint32_t style = styled.size ? number_in(styled, 10) : 0;
    uint32_t at = reference.size ? column_of(reference) : *column + 1;
    if (at <= *column || at > COLUMNS_LIMIT || style == UINT32_MAX)
        return fail(x, FAULT_SYNTAX);
    *column = at;
    if (x->kind == TAG_EMPTY)
        return true;
    uint8_t type = !typed.size || is(typed, "n") ? 'n'
                   : is(typed, "s")              ? 's'
                   : is(typed, "b")              ? 'b'
                   : is(typed, "e")              ? 'e'
                   : is(typed, "d")              ? 'd'
                                                 : 't';
    bool formula = false, said = false;
    sheet->text.size = 0;
    for (;;) {
        if (!next_tag(x, false))
            return false;
        if (x->kind == TAG_CLOSE)
            break;
        if (is(x->name, "v")) {
            said |= x->kind == TAG_OPEN;
            sheet->text.size = 0;
            if (x->kind == TAG_OPEN && (!next_tag(x, true) || x->kind != TAG_CLOSE))
                return sheet->report.fault ? false : fail(x, FAULT_SYNTAX);
        } else if (is(x->name, "is")) {
            said = true;
            if (!string_text(x))
                return false;
        } else {
            formula |= is(x->name, "f");
            if (!skip(x))
                return false;
        }
    }
    if (!sheet->text.size && (!formula || (said && type == 't')))
        return true;
    add_place(sheet, sheet->report.row, at, sheet->text.size ? type : 'f', style);
    add_quoted(&sheet->records, sheet->text.data, sheet->text.size, type == 't');
    return true;
}

/* One row, whose tag is at hand. */
static bool read_row(Xml *x) {
    Sheet *sheet = x->sheet;
    Span numbered = attribute(x, "r");
    uint32_t row = numbered.size ? number_in(numbered, 10) : sheet->report.row + 1;
    if (row <= sheet->report.row || row > ROWS_LIMIT)
        return fail(x, FAULT_SYNTAX);
    bool hidden = truth(attribute(x, "hidden"));
    sheet->report.row = row;
    size_t before = sheet->records.size;
    uint32_t column = 0;
    while (x->kind != TAG_EMPTY) {
        if (!next_tag(x, false))
            return false;
        if (x->kind == TAG_CLOSE)
            break;
        if (is(x->name, "c") ? !read_cell(x, &column) : !skip(x))
            return false;
        x->kind = TAG_OPEN;
    }
    if (hidden && sheet->records.size > before) {
        add_place(sheet, row, 0, 'h', 0);
        bytes_add(&sheet->records, "\"\"\n", 3);
    }
    return true;
}

/* A tag outside of rows and strings. */
static bool read_other(Xml *x) {
    Sheet *sheet = x->sheet;
    if (is(x->name, "sheetData"))
        sheet->in_data = x->kind == TAG_OPEN;
    else if (is(x->name, "mergeCell") || (is(x->name, "col") && truth(attribute(x, "hidden")))) {
        Span merged = attribute(x, "ref"), first = attribute(x, "min"), last = attribute(x, "max");
        if (x->kind != TAG_CLOSE) {
            add_place(sheet, 0, 0, merged.size ? 'm' : 'c', 0);
            Bytes *text = &sheet->text;
            text->size = 0;
            bytes_add(text, merged.size ? merged.at : first.at, merged.size ? merged.size : first.size);
            if (!merged.size) {
                bytes_add_byte(text, ':');
                bytes_add(text, last.at, last.size);
            }
            add_quoted(&sheet->records, text->data, text->size, false);
        }
    }
    sheet->depth += x->kind == TAG_OPEN;
    if (x->kind == TAG_CLOSE && !sheet->depth--)
        return fail(x, FAULT_SYNTAX);
    return true;
}

static bool read_unit(Xml *x) {
    Sheet *sheet = x->sheet;
    if (!read_tag(x))
        return false;
    if (sheet->strings && x->kind != TAG_CLOSE && is(x->name, "si")) {
        if (!string_text(x))
            return false;
        sheet->report.row++;
        add_quoted(&sheet->records, sheet->text.data, sheet->text.size, true);
        return true;
    }
    return sheet->in_data && x->kind != TAG_CLOSE && is(x->name, "row") ? read_row(x) : read_other(x);
}

/* Scan a block; `consumed` ends where the next row, string or other tag begins. */
const uint8_t *tp_sheet_scan(Sheet *sheet, const uint8_t *block, uint64_t size, uint32_t final, uint64_t *made) {
    *made = 0;
    NO_MEMORY_GUARD((sheet->report.fault = FAULT_NO_MEMORY, NULL));
    sheet->report.fault = FAULT_NONE;
    sheet->records.size = 0;
    bytes_reserve(&sheet->records, 1);
    Xml x = {.sheet = sheet, .p = block, .end = block + size, .final = final};
    const uint8_t *unit = block, *bad;
    for (;;) {
        uint32_t row = sheet->report.row;
        size_t kept = sheet->records.size;
        bool ended = final && !sheet->depth && !memchr(x.p, '<', (size_t)(x.end - x.p));
        if (ended) {
            unit = x.end;
            break;
        }
        if (!to_tag(&x, false) || !read_unit(&x)) {
            sheet->report.row = row;
            sheet->records.size = kept;
            break;
        }
        unit = x.p;
    }
    if (sheet->report.fault == FAULT_NEED_MORE)
        sheet->report.fault = FAULT_NONE;
    if (!sheet->report.fault && (!utf8_valid(block, unit, &bad) || memchr(block, 0, (size_t)(unit - block))))
        sheet->report.fault = FAULT_UTF8;
    sheet->report.consumed = (uint64_t)(unit - block);
    *made = sheet->records.size;
    return sheet->records.data;
}
