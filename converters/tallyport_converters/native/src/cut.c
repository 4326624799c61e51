/* Where a block of a file may be cut, so that what follows probably starts with a row.
 *
 * Only a guess: a string may hold the same bytes. Whoever scans from a guess has it confirmed by the scan of the block
 * before, which must end exactly there, between two rows.
 */
#include "batch.h"

static const uint8_t *last(const uint8_t *block, const uint8_t *end, uint8_t byte) {
    while (end > block)
        if (*--end == byte)
            return end;
    return NULL;
}

static const uint8_t *before_space(const uint8_t *block, const uint8_t *p) {
    while (p > block && is_space(p[-1]))
        p--;
    return p;
}

/* Offset behind the last comma between two objects: `} , {`. 0: none. */
uint64_t tp_cut_json(const uint8_t *block, uint64_t size) {
    const uint8_t *p = block + size;
    while ((p = last(block, p, '{'))) {
        const uint8_t *comma = before_space(block, p);
        if (comma == block || comma[-1] != ',')
            continue;
        const uint8_t *brace = before_space(block, comma - 1);
        if (brace > block && brace[-1] == '}')
            return (uint64_t)(comma - block);
    }
    return 0;
}

/* Offset behind the last line feed, or where there is none the last CR that no line feed follows. */
uint64_t tp_cut_csv(const uint8_t *block, uint64_t size) {
    const uint8_t *p = last(block, block + size, '\n');
    if (!p && size)
        p = last(block, block + size - 1, '\r');
    return p ? (uint64_t)(p + 1 - block) : 0;
}

/* Offset of the last tag of that name: `<dataValue` in DXF2, `<group` in ADX. */
uint64_t tp_cut_xml(const uint8_t *block, uint64_t size, const uint8_t *tag, uint64_t tag_size) {
    const uint8_t *p = block + size;
    while ((p = last(block, p, '<')))
        if (block + size - p > (ptrdiff_t)tag_size && !memcmp(p, tag, tag_size) && is_space(p[tag_size]))
            return (uint64_t)(p - block);
    return 0;
}

/* Count on. Line ends are LF, CR or both. */
void tp_lines_count(Lines *lines, const uint8_t *p, uint64_t size) {
    for (const uint8_t *end = p + size; p < end; p++) {
        uint8_t c = *p;
        if (c == '"' && lines->delimiter) {
            bool opens = !lines->quoted && (!lines->in_cell || lines->after_quote);
            lines->after_quote = lines->quoted;
            lines->quoted = opens;
            lines->in_cell = true;
        } else if (c == '\n' || c == '\r') {
            bool ends = c == '\r' || !lines->after_return;
            lines->lines += ends;
            lines->records += ends && !lines->quoted;
            lines->in_cell &= lines->quoted;
            lines->after_quote = false;
        } else {
            lines->after_quote = false;
            if (!lines->quoted)
                lines->in_cell = c != lines->delimiter && (lines->in_cell || (c != ' ' && c != '\t'));
        }
        lines->after_return = c == '\r';
    }
}
