/* Rows of legacy formats, joined from pieces: what an index stands for was written down once a group.
 *
 * A row that a piece cannot state is left out whole, and counted under that piece.
 */
#include "number.h"
#include "row_batch.h"

#include <stdlib.h>

enum Texts { BEFORE, AFTER, OTHERWISE, ABSENT };

#define LONG_TEXT (1 << 20) /* bytes: a row may be much longer than what it is made from */

typedef struct {
    uint32_t kind, first, count, texts;
    uint8_t *text;
    uint64_t *ends;  /* texts + 1 of them */
    uint8_t *stated; /* by text: 0 where it cannot be stated */
} Piece;

struct Join {
    JoinReport report;
    uint32_t escape, places, group_pieces, piece_count;
    uint64_t sizes[PLACES_LIMIT];
    Piece piece[PIECES_LIMIT];
    Bytes out, close;
    uint64_t group[PIECES_LIMIT]; /* texts of the pieces that opened the group of rows at hand */
    bool grouped;
};

void tp_join_free(Join *join) {
    if (!join)
        return;
    for (uint32_t i = 0; i < join->piece_count; i++) {
        free(join->piece[i].text);
        free(join->piece[i].ends);
        free(join->piece[i].stated);
    }
    bytes_free(&join->out);
    bytes_free(&join->close);
    free(join);
}

const JoinReport *tp_join_report(const Join *join) { return &join->report; }

Join *tp_join_new(uint32_t escape, uint32_t places, const uint64_t *sizes, uint32_t group_pieces,
                         const uint8_t *close, uint64_t close_size) {
    Join *join = places <= PLACES_LIMIT ? calloc(1, sizeof *join) : NULL;
    if (!join)
        return NULL;
    NO_MEMORY_GUARD((tp_join_free(join), NULL));
    join->escape = escape;
    join->places = places;
    join->group_pieces = group_pieces;
    memcpy(join->sizes, sizes, places * sizeof *sizes);
    bytes_add(&join->close, close, close_size);
    return join;
}

static void *copied(const void *data, size_t size) {
    void *made = malloc(size + 1);
    if (made)
        memcpy(made, data, size);
    return made;
}

uint32_t tp_join_piece(Join *join, uint32_t kind, uint32_t first, uint32_t count, uint32_t texts,
                              const uint8_t *text, const uint64_t *ends, const uint8_t *stated) {
    if (join->piece_count == PIECES_LIMIT || first > join->places || count > join->places - first)
        return false;
    Piece *piece = &join->piece[join->piece_count++];
    *piece = (Piece){kind, first, count, texts, copied(text, ends[texts]), copied(ends, ((size_t)texts + 1) * sizeof *ends),
                     copied(stated, texts)};
    return piece->text && piece->ends && piece->stated;
}

static inline void add_text(Join *join, const Piece *piece, uint64_t number) {
    bytes_add(&join->out, piece->text + piece->ends[number], piece->ends[number + 1] - piece->ends[number]);
}

/* Without quotes a cell loses spaces and tabs around it, and `null` is no value with and without them. */
static bool add_csv(Bytes *out, const uint8_t *p, size_t size, bool *misread) {
    if (size == 4 && !memcmp(p, "null", 4))
        return false;
    bool quoted = *p == ' ' || *p == '\t' || p[size - 1] == ' ' || p[size - 1] == '\t';
    for (size_t i = 0; i < size; i++) {
        bool special = p[i] == '"' || p[i] == '\n' || p[i] == '\r';
        *misread |= special;
        quoted |= special || p[i] == ',';
    }
    if (!quoted) {
        bytes_add(out, p, size);
        return true;
    }
    bytes_add_byte(out, '"');
    for (const uint8_t *end = p + size; p < end; p++) {
        if (*p == '"')
            bytes_add_byte(out, '"');
        bytes_add_byte(out, *p);
    }
    bytes_add_byte(out, '"');
    return true;
}

/* Line ends and tabs by reference, or an attribute would make spaces of them. Other control characters, U+FFFE and
 * U+FFFF cannot stand in XML 1.0. */
static bool add_xml(Bytes *out, const uint8_t *p, size_t size) {
    static const char *const escapes[] = {['"'] = "&quot;", ['&'] = "&amp;",  ['<'] = "&lt;",  ['>'] = "&gt;",
                                          ['\t'] = "&#9;",  ['\n'] = "&#10;", ['\r'] = "&#13;"};
    const uint8_t *end = p + size;
    while (p < end) {
        const uint8_t *from = p;
        while (p < end && *p >= 0x20 && *p != '"' && *p != '&' && *p != '<' && *p != '>') {
            if (*p == 0xEF && end - p >= 3 && p[1] == 0xBF && p[2] >= 0xBE)
                return false;
            p++;
        }
        bytes_add(out, from, (size_t)(p - from));
        if (p == end)
            break;
        const char *escape = *p < sizeof escapes / sizeof *escapes ? escapes[*p] : NULL;
        p++;
        if (!escape)
            return false;
        bytes_add(out, escape, strlen(escape));
    }
    return true;
}

static bool add_escaped(Join *join, const Text *field, bool *misread) {
    if (join->escape == ESCAPE_CSV)
        return add_csv(&join->out, field->at, field->size, misread);
    if (join->escape == ESCAPE_XML)
        return add_xml(&join->out, field->at, field->size);
    json_add_escaped(&join->out, field->at, field->size);
    return true;
}

/* A text of a row; an empty one is none here. */
static inline Text field_of(const TextColumn *column, uint64_t row) {
    int32_t from = column->ends[row], to = column->ends[row + 1];
    return (Text){.at = column->data + from, .size = (size_t)(to - from), .present = to > from};
}

static bool add_piece(Join *join, const Piece *piece, uint64_t text, const RowBatch *batch, uint64_t row,
                      bool *misread) {
    switch (piece->kind) {
    case PIECE_PLACES:
        if (!piece->stated[text])
            return false;
        add_text(join, piece, text);
        return true;
    case PIECE_DELETED:
        add_text(join, piece, bit_at(batch->deleted, row) ? BEFORE : AFTER);
        return true;
    case PIECE_FOLLOWUP:
        add_text(join, piece,
                 !bit_at(batch->followup_given, row) ? ABSENT
                 : bit_at(batch->followup, row)      ? BEFORE
                                                     : AFTER);
        return true;
    default:
        break;
    }
    Text field = field_of(&batch->text[piece->kind == PIECE_COMMENT ? TEXT_COMMENT : TEXT_VALUE], row);
    bool is_chosen = piece->kind == PIECE_DECIMAL || piece->kind == PIECE_OTHER;
    if (!field.present || (is_chosen && decimal_of(field.at, field.size).good != (piece->kind == PIECE_DECIMAL))) {
        add_text(join, piece, field.present ? OTHERWISE : ABSENT);
        return true;
    }
    add_text(join, piece, BEFORE);
    if (!add_escaped(join, &field, misread))
        return false;
    add_text(join, piece, AFTER);
    return true;
}

static inline uint64_t text_of(const Join *join, const Piece *piece, const RowBatch *batch, uint64_t row) {
    uint64_t number = 0;
    for (uint32_t place = piece->first; place < piece->first + piece->count; place++)
        number = number * join->sizes[place] + (uint64_t)index_column(batch, place)[row];
    return number;
}

static void add_row(Join *join, const RowBatch *batch, uint64_t row) {
    size_t start = join->out.size;
    uint64_t text[PIECES_LIMIT];
    bool misread = false, same = join->grouped && join->group_pieces;
    for (uint32_t i = 0; i < join->piece_count; i++)
        text[i] = join->piece[i].kind == PIECE_PLACES ? text_of(join, &join->piece[i], batch, row) : 0;
    for (uint32_t i = 0; same && i < join->group_pieces; i++)
        /* cppcheck-suppress uninitvar ; pieces of a group are the first of all pieces */
        same = text[i] == join->group[i];
    if (!same && join->grouped)
        bytes_add(&join->out, join->close.data, join->close.size);
    for (uint32_t i = same ? join->group_pieces : 0; i < join->piece_count; i++) {
        if (!add_piece(join, &join->piece[i], text[i], batch, row, &misread)) {
            join->out.size = start;
            join->report.left_out++;
            if (!join->report.unstated[i]++)
                join->report.first_unstated[i] = (uint64_t)batch->number[row];
            return;
        }
    }
    if (join->group_pieces) {
        memcpy(join->group, text, join->group_pieces * sizeof *text);
        join->grouped = true;
    }
    if (misread && !join->report.misread++)
        join->report.first_misread = (uint64_t)batch->number[row];
    join->report.written++;
}

/* Join rows of a batch, from `*row` up to one at which the text is long; `*row` is then behind it. The places of the batch
 * have the sizes that the join was made with. The text is valid until the next call; NULL: out of memory. */
const uint8_t *tp_join_rows(Join *join, const RowBatch *batch, uint64_t *row, uint64_t *size) {
    NO_MEMORY_GUARD(NULL);
    join->out.size = 0;
    bytes_reserve(&join->out, 1);
    for (; *row < batch->rows && join->out.size < LONG_TEXT; ++*row)
        add_row(join, batch, *row);
    *size = join->out.size;
    return join->out.data;
}

uint32_t tp_join_end(Join *join) {
    bool was = join->grouped;
    join->grouped = false;
    return was;
}
