/* What people bring into texts without seeing it, or for want of anything to say: see tidy.c. */
#ifndef TALLYPORT_TIDY_H
#define TALLYPORT_TIDY_H

#include "scanner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool cut_outer_space(const uint8_t **p, size_t *size);

/* Cut white space from both ends; true if there was any. Mostly the first and the last byte show that there is none. */
static inline bool cut_space(const uint8_t **p, size_t *size) {
    const uint8_t *text = *p;
    return *size && (text[0] <= ' ' || text[*size - 1] <= ' ' || text[0] >= 0xC2 || text[*size - 1] >= 0x80) &&
           cut_outer_space(p, size);
}

bool text_blank(const uint8_t *p, size_t size);

/* The number of a word for nothing, counted from 1; 0 if the text is none. */
uint8_t word_for_nothing_slowly(const uint8_t *p, size_t size);
static inline uint8_t word_for_nothing(const uint8_t *p, size_t size) {
    return !size || size > 11 || (p[0] >= '0' && p[0] <= '9') ? 0 : word_for_nothing_slowly(p, size);
}

#endif
