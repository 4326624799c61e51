/* White space at the ends of texts, and words for nothing. */
#include "tidy.h"

#include <string.h>

/* The size of the white space character that a text begins with (`from_end`: ends with); 0 if it is none.
 * Unicode's white space, and the two characters of no width that editors leave: U+FEFF and U+200B. */
static size_t space_size(const uint8_t *p, size_t size, bool from_end) {
    const uint8_t *c = from_end ? p + size - 1 : p;
    if (*c == ' ' || (*c >= '\t' && *c <= '\r'))
        return 1;
    if (size >= 2) {
        c = from_end ? p + size - 2 : p;
        if (c[0] == 0xC2 && (c[1] == 0xA0 || c[1] == 0x85))
            return 2;
    }
    if (size >= 3) {
        c = from_end ? p + size - 3 : p;
        bool is_space = (c[0] == 0xE1 && c[1] == 0x9A && c[2] == 0x80) ||
                        (c[0] == 0xE2 && c[1] == 0x80 &&
                         ((c[2] >= 0x80 && c[2] <= 0x8B) || c[2] == 0xA8 || c[2] == 0xA9 || c[2] == 0xAF)) ||
                        (c[0] == 0xE2 && c[1] == 0x81 && c[2] == 0x9F) ||
                        (c[0] == 0xE3 && c[1] == 0x80 && c[2] == 0x80) || (c[0] == 0xEF && c[1] == 0xBB && c[2] == 0xBF);
        if (is_space)
            return 3;
    }
    return 0;
}

bool cut_outer_space(const uint8_t **p, size_t *size) {
    size_t before = *size, step;
    while (*size && (step = space_size(*p, *size, false)))
        *p += step, *size -= step;
    while (*size && (step = space_size(*p, *size, true)))
        *size -= step;
    return *size < before;
}

static const char *const NOTHING[WORDS] = {
    "NA",     "N/A",     "n.a.",  "NaN",  "null",   "None",    "nil",       "NaT", "#N/A", "#REF!", "#VALUE!", "#DIV/0!",      "#NAME?",
    "#NULL!", "#NUM!",   "<NA>",  "(null)", "(blank)", "undefined", "\\N", "-",    "--",    ".",       "?",           "\xE2\x80\x93",
    "\xE2\x80\x94",
};

bool text_blank(const uint8_t *p, size_t size) { return cut_space(&p, &size) && !size; }

const char *tp_word(uint32_t number) { return NOTHING[number]; }

static uint8_t small(uint8_t c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

uint8_t word_for_nothing_slowly(const uint8_t *p, size_t size) {
    if (!strchr("nN#<(uU\\-.?\xE2", p[0]) || !p[0])
        return 0;
    for (int word = 0; word < WORDS; word++) {
        const char *known = NOTHING[word];
        size_t i = 0;
        while (i < size && known[i]) {
            if (small(p[i]) != small((uint8_t)known[i]))
                break;
            i++;
        }
        if (i == size && !known[i])
            return (uint8_t)(word + 1);
    }
    return 0;
}
