/* See text.h. */
#include "text.h"

int utf8_step(const uint8_t *p, const uint8_t *end) {
    /* The table of well-formed sequences: Unicode 15, table 3-7. */
    uint8_t a = p[0];
    int size = a >= 0xC2 && a <= 0xDF ? 2 : a >= 0xE0 && a <= 0xEF ? 3 : a >= 0xF0 && a <= 0xF4 ? 4 : 0;
    if (!size)
        return 0;
    uint8_t low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    uint8_t high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    for (int i = 1; i < size; i++) {
        if (p + i == end)
            return -1;
        if (p[i] < low || p[i] > high)
            return 0;
        low = 0x80, high = 0xBF;
    }
    return size;
}

bool utf8_valid(const uint8_t *p, const uint8_t *end, const uint8_t **bad) {
    while (p < end) {
        if (end - p >= 8 && !(load64(p) & 0x8080808080808080u)) {
            p += 8;
            continue;
        }
        if (*p < 0x80) {
            p++;
            continue;
        }
        int size = utf8_step(p, end);
        if (size <= 0) {
            *bad = p;
            return false;
        }
        p += size;
    }
    return true;
}

void utf8_encode(Bytes *out, uint32_t c) {
    uint8_t b[4];
    int size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (size == 1)
        b[0] = (uint8_t)c;
    for (int i = size - 1; size > 1 && i > 0; i--, c >>= 6)
        b[i] = 0x80 | (c & 0x3F);
    if (size > 1)
        b[0] = (uint8_t)((size == 2 ? 0xC0 : size == 3 ? 0xE0 : 0xF0) | c);
    bytes_add(out, b, (size_t)size);
}

bool text_longer(const uint8_t *p, size_t size, size_t limit) {
    if (size <= limit)
        return false; /* a UTF-16 unit takes at least one byte */
    size_t units = 0;
    for (size_t i = 0; i < size; i++)
        units += (size_t)((p[i] & 0xC0) != 0x80) + (p[i] >= 0xF0);
    return units > limit;
}

void json_add_escaped(Bytes *out, const uint8_t *p, size_t size) {
    static const char hex[] = "0123456789abcdef";
    static const char short_form[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    for (const uint8_t *end = p + size; p < end; p++) {
        const uint8_t *from = p;
        while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
            p++;
        bytes_add(out, from, (size_t)(p - from));
        if (p == end)
            return;
        char shortly = *p < sizeof short_form ? short_form[*p] : (char)*p;
        uint8_t escape[6] = {'\\', shortly ? (uint8_t)shortly : 'u', '0', '0', (uint8_t)hex[*p >> 4], (uint8_t)hex[*p & 15]};
        bytes_add(out, escape, shortly ? 2 : sizeof escape);
    }
}

void json_add_string(Bytes *out, const uint8_t *p, size_t size) {
    bytes_add_byte(out, '"');
    json_add_escaped(out, p, size);
    bytes_add_byte(out, '"');
}
