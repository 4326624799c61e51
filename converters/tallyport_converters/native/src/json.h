/* A strict JSON lexer over a block: RFC 8259, UTF-8 checked, nothing copied but strings with escapes.
 *
 * Each function takes `p` at what it reads and leaves it behind that; it returns false at a fault, and also where the
 * block ends too early, which is FAULT_NEED_MORE unless the block is the last.
 */
#ifndef TALLYPORT_JSON_H
#define TALLYPORT_JSON_H

#include "batch.h"

#define DEPTH_LIMIT 256

typedef struct {
    const uint8_t *start, *p, *end;
    Bytes *scratch; /* where strings with escapes are decoded to */
    bool final;
    enum Fault fault;
    const uint8_t *fault_at;
} Json;

static inline bool json_fail(Json *s, enum Fault fault, const uint8_t *at) {
    s->fault = fault;
    s->fault_at = at;
    return false;
}

static inline bool json_need(Json *s) { return json_fail(s, s->final ? FAULT_TRUNCATED : FAULT_NEED_MORE, s->end); }

static inline bool json_space(Json *s) {
    while (s->p < s->end && is_space(*s->p))
        s->p++;
    return s->p < s->end || json_need(s);
}

/* Pass the one character that may stand here. */
static inline bool json_take(Json *s, uint8_t c) {
    if (*s->p != c)
        return json_fail(s, FAULT_SYNTAX, s->p);
    s->p++;
    return true;
}

/* Pass what stands behind a member or element: a comma, and there is `more`, or what closes them all. */
static inline bool json_part(Json *s, uint8_t close, bool *more) {
    if (!json_space(s))
        return false;
    *more = *s->p == ',';
    return json_take(s, *more ? ',' : close);
}

/* Pass the `{` of a document; any other value is of the wrong kind. */
static inline bool json_open(Json *s) {
    bool is_value = *s->p && strchr("[\"-0123456789tfn", *s->p);
    if (*s->p != '{')
        return json_fail(s, is_value ? FAULT_STRUCTURE : FAULT_SYNTAX, s->p);
    s->p++;
    return true;
}

/* Pass a string whose opening quote is behind; `p` ends behind the closing one. */
static inline bool json_string(Json *s, const uint8_t **text, size_t *size, bool *escaped) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    const uint8_t *p = s->p;
    *text = p;
    *escaped = false;
    for (;;) {
        while (s->end - p >= 8) {
            uint64_t x = load64(p), quote = x ^ (ones * '"'), slash = x ^ (ones * '\\');
            uint64_t odd = (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((x - ones * 0x20) & ~x) | x) & tops;
            if (!odd) {
                p += 8;
                continue;
            }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            p += __builtin_ctzll(odd) / 8;
#endif
            break;
        }
        if (p == s->end)
            return json_need(s);
        if (*p == '"') {
            *size = (size_t)(p - *text);
            s->p = p + 1;
            return true;
        }
        if (*p == '\\') {
            *escaped = true;
            if (s->end - p < 2)
                return json_need(s);
            if (p[1] == 'u') {
                for (int i = 2; i < 6; i++) {
                    if (p + i == s->end)
                        return json_need(s);
                    uint8_t c = p[i] | 0x20;
                    if (!is_digit(p[i]) && (c < 'a' || c > 'f'))
                        return json_fail(s, FAULT_SYNTAX, p + i);
                }
                p += 6;
            } else if (p[1] && strchr("\"\\/bfnrt", p[1])) {
                p += 2;
            } else {
                return json_fail(s, FAULT_SYNTAX, p + 1);
            }
        } else if (*p < 0x20) {
            return json_fail(s, FAULT_CONTROL, p);
        } else if (*p >= 0x80) {
            int step = utf8_step(p, s->end);
            if (step < 0 && !s->final)
                return json_need(s);
            if (step <= 0)
                return json_fail(s, FAULT_UTF8, p);
            p += step;
        } else {
            p++;
        }
    }
}

static inline uint32_t json_hex4(const uint8_t *p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v * 16 + (p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

/* Decode an escaped string (already checked) to the end of `out`; false if it holds NUL or a lone surrogate. */
static inline bool json_unescape(Bytes *out, const uint8_t *p, size_t size) {
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const uint8_t *end = p + size;
    bool storable = true;
    while (p < end) {
        const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
        if (!slash)
            slash = end;
        bytes_add(out, p, (size_t)(slash - p));
        p = slash;
        if (p == end)
            break;
        if (p[1] != 'u') {
            bytes_add_byte(out, (uint8_t)meant[strchr(plain, p[1]) - plain]);
            p += 2;
            continue;
        }
        uint32_t c = json_hex4(p + 2);
        p += 6;
        if (c >= 0xD800 && c < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
            uint32_t low = json_hex4(p + 2);
            if (low >= 0xDC00 && low < 0xE000) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                p += 6;
            }
        }
        if (c == 0 || (c >= 0xD800 && c < 0xE000)) {
            storable = false;
            c = 0xFFFD;
        }
        utf8_encode(out, c);
    }
    return storable;
}

static inline bool json_number(Json *s) {
    const uint8_t *p = s->p, *end = s->end;
#define JSON_DIGITS                                                                                                         \
    do {                                                                                                               \
        if (p == end)                                                                                                  \
            return json_need(s);                                                                                            \
        if (!is_digit(*p))                                                                                             \
            return json_fail(s, FAULT_SYNTAX, p);                                                                           \
        while (p < end && is_digit(*p))                                                                      \
            p++;                                                                                                       \
    } while (0)
    if (*p == '-')
        p++;
    if (p < end && *p == '0')
        p++;
    else
        JSON_DIGITS;
    if (p < end && *p == '.') {
        p++;
        JSON_DIGITS;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        JSON_DIGITS;
    }
    s->p = p;
    return p < end || json_need(s); /* within an object or array something always follows */
}

static inline bool json_word(Json *s, const char *text) {
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if (s->p + i == s->end)
            return json_need(s);
        if (s->p[i] != (uint8_t)text[i])
            return json_fail(s, FAULT_SYNTAX, s->p + i);
    }
    s->p += size;
    return true;
}

/* Pass any value, strictly. */
static inline bool json_skip(Json *s, int depth) {
    const uint8_t *text;
    size_t size;
    bool escaped;
    if (!json_space(s))
        return false;
    switch (*s->p) {
    case '"':
        s->p++;
        return json_string(s, &text, &size, &escaped);
    case 't':
        return json_word(s, "true");
    case 'f':
        return json_word(s, "false");
    case 'n':
        return json_word(s, "null");
    case '{':
    case '[': {
        bool object = *s->p == '{';
        uint8_t close = object ? '}' : ']';
        if (depth == DEPTH_LIMIT)
            return json_fail(s, FAULT_DEPTH, s->p);
        s->p++;
        if (!json_space(s))
            return false;
        bool more = *s->p != close;
        s->p += !more;
        while (more) {
            if (object && !(json_space(s) && json_take(s, '"') && json_string(s, &text, &size, &escaped) &&
                            json_space(s) && json_take(s, ':')))
                return false;
            if (!json_skip(s, depth + 1) || !json_part(s, close, &more))
                return false;
        }
        return true;
    }
    default:
        if (*s->p == '-' || is_digit(*s->p))
            return json_number(s);
        return json_fail(s, FAULT_SYNTAX, s->p);
    }
}

/* A string, from its quote, decoded if it must be; `at` is good until the scratch grows. */
static inline bool json_text(Json *s, Text *text, bool *storable) {
    *storable = true;
    *text = (Text){.present = true};
    s->p++;
    if (!json_string(s, &text->at, &text->size, &text->in_scratch))
        return false;
    if (text->in_scratch) {
        text->offset = s->scratch->size;
        *storable = json_unescape(s->scratch, text->at, text->size);
        text->at = bytes_from(s->scratch, text->offset);
        text->size = s->scratch->size - text->offset;
    }
    return true;
}

/* The name of a member, decoded, and where it stands with its quotes; what is read next is the value. */
typedef struct {
    Text name;
    const uint8_t *key;
    size_t key_size;
} Member;

static inline bool json_member(Json *s, Member *member) {
    bool storable;
    if (!json_space(s))
        return false;
    member->key = s->p;
    if (*s->p != '"')
        return json_fail(s, FAULT_SYNTAX, s->p);
    if (!json_text(s, &member->name, &storable))
        return false;
    member->key_size = (size_t)(s->p - member->key);
    return json_space(s) && json_take(s, ':') && json_space(s);
}

/* A string or number as a text, and none for any other value. */
typedef struct {
    Text text;
    uint8_t type; /* the first character of the value; 0 of all numbers */
    bool storable;
} Scalar;

static inline bool json_scalar(Json *s, Scalar *scalar) {
    const uint8_t *at = s->p;
    scalar->type = *at;
    scalar->storable = true;
    if (*at == '"')
        return json_text(s, &scalar->text, &scalar->storable);
    scalar->text = (Text){0};
    if (!json_skip(s, 1))
        return false;
    if (*at != 'n' && *at != '{' && *at != '[')
        scalar->text = (Text){.at = at, .size = (size_t)(s->p - at), .present = true};
    if (*at == '-' || is_digit(*at))
        scalar->type = '0';
    return true;
}

#undef JSON_DIGITS

#endif
