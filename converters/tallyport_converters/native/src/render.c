/* One ADV2 row as JSON text: adv2-format in docs/, "Row" and "Values". */
#include "group.h"

#include <stdlib.h>

#define DIGITS_LIMIT 15 /* significant digits that a JSON number may carry */

/* `0`, `-?[1-9][0-9]*` or `-?(0|[1-9][0-9]*)\.[0-9]*[1-9]`: texts that have one spelling as a number. */
static bool is_number(const uint8_t *p, size_t size) {
    const uint8_t *end = p + size, *from;
    size_t digits = 0; /* from the first that is not 0 */
    bool negative = p < end && *p == '-';
    p += negative;
    from = p;
    if (p < end && *p == '0') {
        p++;
    } else {
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        digits = (size_t)(p - from);
    }
    if (p == from)
        return false;
    if (p < end && *p == '.') {
        from = ++p;
        while (p < end && *p >= '0' && *p <= '9') {
            digits += digits || *p != '0';
            p++;
        }
        if (p == from || p[-1] == '0')
            return false;
    }
    return p == end && digits <= DIGITS_LIMIT && (digits || !negative);
}

static void string(Bytes *out, const uint8_t *p, size_t size) {
    static const char hex[] = "0123456789abcdef";
    const uint8_t *end = p + size;
    bytes_add_byte(out, '"');
    while (p < end) {
        const uint8_t *from = p;
        while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
            p++;
        bytes_add(out, from, (size_t)(p - from));
        if (p == end)
            break;
        bytes_add_byte(out, '\\');
        switch (*p) {
        case '"':
        case '\\':
            bytes_add_byte(out, *p);
            break;
        case '\b':
            bytes_add_byte(out, 'b');
            break;
        case '\f':
            bytes_add_byte(out, 'f');
            break;
        case '\n':
            bytes_add_byte(out, 'n');
            break;
        case '\r':
            bytes_add_byte(out, 'r');
            break;
        case '\t':
            bytes_add_byte(out, 't');
            break;
        default: {
            char escape[5] = {'u', '0', '0', hex[*p >> 4], hex[*p & 15]};
            bytes_add(out, escape, sizeof escape);
        }
        }
        p++;
    }
    bytes_add_byte(out, '"');
}

static void decimal(Bytes *out, uint32_t n) {
    uint8_t digits[10];
    size_t at = sizeof digits;
    do
        digits[--at] = (uint8_t)('0' + n % 10);
    while (n /= 10);
    bytes_add(out, digits + at, sizeof digits - at);
}

struct RowNumbers {
    Bytes numbers;
};

RowNumbers *tp_row_numbers_new(void) { return calloc(1, sizeof(RowNumbers)); }

void tp_row_numbers_free(RowNumbers *rows) {
    if (rows)
        bytes_free(&rows->numbers);
    free(rows);
}

const uint8_t *tp_row_numbers_take(RowNumbers *rows, uint64_t *size) {
    *size = rows->numbers.size;
    rows->numbers.size = 0;
    return rows->numbers.data;
}

void render_row(Bytes *out, const Entry *entry, const Form *form) {
    const Packed *p = entry->packed;
    if (form->rows)
        bytes_add(&form->rows->numbers, &p->row, sizeof p->row);
    const uint8_t *value = (const uint8_t *)(p + 1), *comment = value + p->value_size;
    bytes_add_byte(out, '[');
    for (int d = 0; d < DIMENSIONS; d++) {
        if (!form->index[d])
            continue;
        uint32_t index = form->index[d][entry_rank(entry, d)];
        if (form->tokens[d]) {
            uint32_t from = index ? form->token_ends[d][index - 1] : 0;
            bytes_add(out, form->tokens[d] + from, form->token_ends[d][index] - from);
        } else {
            decimal(out, index);
            bytes_add_byte(out, ',');
        }
    }
    if (!p->value_size)
        bytes_add(out, "null", 4);
    else if (is_number(value, p->value_size) || (p->value_size == 4 && !memcmp(value, "true", 4)) ||
             (p->value_size == 5 && !memcmp(value, "false", 5)))
        bytes_add(out, value, p->value_size);
    else
        string(out, value, p->value_size);
    bool followup = p->flags & ROW_FOLLOWUP_TRUE || (p->flags & ROW_FOLLOWUP_FALSE && form->followup_false);
    bool deleted = p->flags & ROW_DELETED;
    if (deleted || followup || p->comment_size)
        bytes_add(out, deleted ? ",true" : ",false", deleted ? 5 : 6);
    if (followup || p->comment_size) {
        const char *text = !followup ? ",null" : p->flags & ROW_FOLLOWUP_TRUE ? ",true" : ",false";
        bytes_add(out, text, strlen(text));
    }
    if (p->comment_size) {
        bytes_add_byte(out, ',');
        string(out, comment, p->comment_size);
    }
    bytes_add_byte(out, ']');
}
