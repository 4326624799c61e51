/* One ADV2 row as JSON text: adv2-format in docs/, "Row" and "Values". */
#include "group.h"
#include "number.h"
#include "text.h"

#include <stdlib.h>

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
            bytes_reserve(out, NUMBER_SIZE + 1);
            uint8_t *behind = put_number(out->data + out->size, index);
            *behind = ',';
            out->size = (size_t)(behind + 1 - out->data);
        }
    }
    if (!p->value_size)
        bytes_add(out, "null", 4);
    else if (is_adv2_number(value, p->value_size) || (p->value_size == 4 && !memcmp(value, "true", 4)) ||
             (p->value_size == 5 && !memcmp(value, "false", 5)))
        bytes_add(out, value, p->value_size);
    else
        json_add_string(out, value, p->value_size);
    bool followup = p->flags & ROW_FOLLOWUP_TRUE || (p->flags & ROW_FOLLOWUP_FALSE && form->followup_false);
    bool deleted = p->flags & ROW_DELETED, commented = p->flags & ROW_HAS_COMMENT;
    if (deleted || followup || commented)
        bytes_add(out, deleted ? ",true" : ",false", deleted ? 5 : 6);
    if (followup || commented) {
        const char *text = !followup ? ",null" : p->flags & ROW_FOLLOWUP_TRUE ? ",true" : ",false";
        bytes_add(out, text, strlen(text));
    }
    if (commented) {
        bytes_add_byte(out, ',');
        json_add_string(out, comment, p->comment_size);
    }
    bytes_add_byte(out, ']');
}
