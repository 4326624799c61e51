/* Bytes of text: UTF-8, white space, lengths, JSON strings. */
#ifndef TALLYPORT_TEXT_H
#define TALLYPORT_TEXT_H

#include "memory.h"

#define TEXT_LIMIT 50000 /* UTF-16 units that DHIS2 stores of a value or comment */

/* Length of the valid UTF-8 sequence of 2-4 bytes at `p`, 0 if it is none, -1 if the input ends within it. */
int utf8_step(const uint8_t *p, const uint8_t *end);
bool utf8_valid(const uint8_t *p, const uint8_t *end, const uint8_t **bad);
void utf8_encode(Bytes *out, uint32_t code_point);
/* Whether a text has more than `limit` UTF-16 units. */
bool text_longer(const uint8_t *p, size_t size, size_t limit);
/* Add a text as a JSON string, with its quotes; or without them. */
void json_add_string(Bytes *out, const uint8_t *p, size_t size);
void json_add_escaped(Bytes *out, const uint8_t *p, size_t size);

/* White space of JSON and of XML. */
static inline bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
static inline bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static inline uint64_t load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n) {
    if (n >= 8) {
        size_t i = 0;
        for (; i + 8 <= n; i += 8)
            if (load64(a + i) != load64(b + i))
                return false;
        return load64(a + n - 8) == load64(b + n - 8);
    }
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

#endif
