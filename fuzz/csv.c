/* DXF2 CSV on its way to ADV2 and back, with columns that the input settles. */
#include "chain.h"

#define COLUMNS_MOST 16

/* The columns that exporters write, or any others: a meaning that was met again says so, as Python has it. */
static void choose_columns(Input *input, uint8_t meaning[COLUMNS_MOST], uint64_t *columns) {
    static const uint8_t usual[] = {DE, PE, OU, COC, AOC, COLUMN_VALUE, COLUMN_STORED_BY, COLUMN_LAST_UPDATED,
                                    COLUMN_COMMENT, COLUMN_FOLLOWUP, COLUMN_DELETED};
    bool seen[COLUMN_PASSED + 1] = {false};
    *columns = sizeof usual;
    memcpy(meaning, usual, sizeof usual);
    if (choose(input, 3) != 1)
        return;
    for (uint64_t i = 0; i < 6; i++) {
        uint64_t at = i * 2 + choose(input, 2);
        *columns = at < *columns ? *columns : at + 1;
        meaning[at] = (uint8_t)choose(input, COLUMN_PASSED + 1);
    }
    for (uint64_t i = 0; i < *columns; i++) {
        uint8_t found = meaning[i];
        bool is_said_once = found == COLUMN_ATTRIBUTE_COMBO || found == COLUMN_ATTRIBUTE_OPTIONS;
        if (seen[found] && is_said_once)
            meaning[i] = COLUMN_DROPPED;
        else if (seen[found] && found <= COLUMN_DELETED)
            meaning[i] = (uint8_t)(found + COLUMN_AGAIN);
        seen[found] = true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t names[] = "aabbccddeeffgghhiijjkkllmmnnoopp";
    static const char delimiters[] = ",;\t|";
    Input input = input_of(data, size);
    uint8_t meaning[COLUMNS_MOST] = {0};
    uint32_t ends[COLUMNS_MOST];
    uint64_t columns;
    choose_columns(&input, meaning, &columns);
    for (uint32_t i = 0; i < COLUMNS_MOST; i++)
        ends[i] = 2 * i + 2;
    Layout layout = {columns, meaning, names, ends, (uint32_t)delimiters[choose(&input, 4)],
                     choose(&input, 2) ? (uint32_t)columns : 0, CELLS_OF_CSV};
    return drive(FORMAT_CSV, &input, &layout);
}
