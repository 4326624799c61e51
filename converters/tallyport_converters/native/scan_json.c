/* DXF2 JSON: a strict parser that turns rows into a batch as it goes and marks the spans of header properties.
 *
 * It can stop and go on between header properties and between rows (the states below), so that a file is read in
 * blocks; within a unit it asks for more. Rows of one file mostly share their layout: the bytes between two values
 * (`, "period": `) are compared with those of the row before, and only parsed where they differ.
 * Grammar: RFC 8259; duplicate keys: the first wins, as in DHIS2 2.43.
 */
#include "core.h"

enum State { START, ROWS_FIRST, ROWS_NEXT, AFTER_ROW, HEADER_FIRST, HEADER_NEXT, AFTER_PROPERTY, END };

enum Field {
    FIELD_DE, /* as enum Kind */
    FIELD_PE,
    FIELD_OU,
    FIELD_COC,
    FIELD_AOC,
    FIELD_DS,
    FIELD_VALUE,
    FIELD_COMMENT,
    FIELD_FOLLOWUP,
    FIELD_DELETED,
    FIELD_STORED_BY,
    FIELD_CREATED,
    FIELD_LAST_UPDATED,
    FIELD_UNKNOWN
};

static const struct {
    const char *name;
    enum Field field;
} FIELDS[] = {
    {"dataElement", FIELD_DE},
    {"period", FIELD_PE},
    {"orgUnit", FIELD_OU},
    {"categoryOptionCombo", FIELD_COC},
    {"attributeOptionCombo", FIELD_AOC},
    {"value", FIELD_VALUE},
    {"storedBy", FIELD_STORED_BY},
    {"created", FIELD_CREATED},
    {"lastUpdated", FIELD_LAST_UPDATED},
    {"comment", FIELD_COMMENT},
    {"followup", FIELD_FOLLOWUP},
    {"followUp", FIELD_FOLLOWUP},
    {"follow_up", FIELD_FOLLOWUP},
    {"flwup", FIELD_FOLLOWUP},
    {"deleted", FIELD_DELETED},
};

#define GAPS 32
typedef struct {
    const uint8_t *start, *p, *end;
    Batch *batch;
    bool final;
    bool row_data_set; /* our own general readers hand over rows as JSON, with a data set each */
    enum Error error;
    const uint8_t *error_at;
    struct {
        const uint8_t *at;
        size_t size;
        enum Field field;
    } gaps[GAPS];
} Scan;

static bool fail(Scan *s, enum Error error, const uint8_t *at) {
    s->error = error;
    s->error_at = at;
    return false;
}

static bool need(Scan *s) { return fail(s, s->final ? ERROR_TRUNCATED : ERROR_NEED_MORE, s->end); }

static inline bool space(Scan *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
    return s->p < s->end || need(s);
}

/* Pass a string whose opening quote is behind; `p` ends behind the closing one. */
static bool string(Scan *s, const uint8_t **text, size_t *size, bool *escaped) {
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
            return need(s);
        if (*p == '"') {
            *size = (size_t)(p - *text);
            s->p = p + 1;
            return true;
        }
        if (*p == '\\') {
            *escaped = true;
            if (s->end - p < 2)
                return need(s);
            if (p[1] == 'u') {
                for (int i = 2; i < 6; i++) {
                    if (p + i == s->end)
                        return need(s);
                    uint8_t c = p[i] | 0x20;
                    if (!((p[i] >= '0' && p[i] <= '9') || (c >= 'a' && c <= 'f')))
                        return fail(s, ERROR_SYNTAX, p + i);
                }
                p += 6;
            } else if (p[1] && strchr("\"\\/bfnrt", p[1])) {
                p += 2;
            } else {
                return fail(s, ERROR_SYNTAX, p + 1);
            }
        } else if (*p < 0x20) {
            return fail(s, ERROR_CONTROL, p);
        } else if (*p >= 0x80) {
            int step = utf8_step(p, s->end);
            if (step < 0 && !s->final)
                return need(s);
            if (step <= 0)
                return fail(s, ERROR_UTF8, p);
            p += step;
        } else {
            p++;
        }
    }
}

static uint32_t hex4(const uint8_t *p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v * 16 + (p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

/* Decode an escaped string (already checked) to the end of `out`; false if it holds NUL or a lone surrogate. */
static bool unescape(Bytes *out, const uint8_t *p, size_t size) {
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
        uint32_t c = hex4(p + 2);
        p += 6;
        if (c >= 0xD800 && c < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
            uint32_t low = hex4(p + 2);
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

static bool number(Scan *s) {
    const uint8_t *p = s->p, *end = s->end;
#define DIGITS                                                                                                         \
    do {                                                                                                               \
        if (p == end)                                                                                                  \
            return need(s);                                                                                            \
        if (*p < '0' || *p > '9')                                                                                      \
            return fail(s, ERROR_SYNTAX, p);                                                                           \
        while (p < end && *p >= '0' && *p <= '9')                                                                      \
            p++;                                                                                                       \
    } while (0)
    if (*p == '-')
        p++;
    if (p < end && *p == '0')
        p++;
    else
        DIGITS;
    if (p < end && *p == '.') {
        p++;
        DIGITS;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        DIGITS;
    }
    s->p = p;
    return p < end || need(s); /* within an object or array something always follows */
}

static bool word(Scan *s, const char *text) {
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if (s->p + i == s->end)
            return need(s);
        if (s->p[i] != (uint8_t)text[i])
            return fail(s, ERROR_SYNTAX, s->p + i);
    }
    s->p += size;
    return true;
}

/* Pass any value, strictly. */
static bool skip(Scan *s, int depth) {
    const uint8_t *text;
    size_t size;
    bool escaped;
    if (!space(s))
        return false;
    switch (*s->p) {
    case '"':
        s->p++;
        return string(s, &text, &size, &escaped);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    case '{':
    case '[': {
        bool object = *s->p == '{';
        uint8_t close = object ? '}' : ']';
        if (depth == DEPTH_LIMIT)
            return fail(s, ERROR_DEPTH, s->p);
        s->p++;
        if (!space(s))
            return false;
        if (*s->p == close) {
            s->p++;
            return true;
        }
        for (;;) {
            if (object) {
                if (!space(s))
                    return false;
                if (*s->p != '"')
                    return fail(s, ERROR_SYNTAX, s->p);
                s->p++;
                if (!string(s, &text, &size, &escaped) || !space(s))
                    return false;
                if (*s->p != ':')
                    return fail(s, ERROR_SYNTAX, s->p);
                s->p++;
            }
            if (!skip(s, depth + 1) || !space(s))
                return false;
            uint8_t c = *s->p;
            if (c != close && c != ',')
                return fail(s, ERROR_SYNTAX, s->p);
            s->p++;
            if (c == close)
                return true;
        }
    }
    default:
        if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
            return number(s);
        return fail(s, ERROR_SYNTAX, s->p);
    }
}

/* A string or number as a text; `type` gets the first character of the value. */
static bool scalar(Scan *s, Text *text, uint8_t *type, bool *storable) {
    const uint8_t *at = s->p;
    *type = *at;
    text->present = false;
    *storable = true;
    if (*at == '"') {
        bool escaped;
        s->p++;
        if (!string(s, &text->at, &text->size, &escaped))
            return false;
        text->present = true;
        text->in_scratch = escaped;
        if (escaped) {
            Bytes *scratch = &s->batch->scratch;
            size_t offset = scratch->size;
            *storable = unescape(scratch, text->at, text->size);
            text->offset = offset;
            text->size = scratch->size - offset;
        }
        return true;
    }
    if (!skip(s, 1))
        return false;
    if (*type != 'n' && *type != '{' && *type != '[')
        *text = (Text){.at = at, .size = (size_t)(s->p - at), .present = true};
    if (*type == '-' || (*type >= '0' && *type <= '9'))
        *type = '0';
    return true;
}

/* {category: option, ...} as one dictionary text: 'M', then category NUL option NUL of each. */
static bool option_map(Scan *s, Draft *draft, int kind) {
    Bytes *scratch = &s->batch->scratch;
    bool good = true, empty = true;
    s->p++;
    if (!space(s))
        return false;
    size_t start = scratch->size; /* what lies before it, texts of this row, stays */
    bytes_add_byte(scratch, 'M');
    if (*s->p == '}') {
        s->p++;
        return true;
    }
    for (;;) {
        Text text;
        uint8_t type;
        bool storable;
        for (int part = 0; part < 2; part++) {
            if (!space(s))
                return false;
            if (part == 0 && *s->p != '"')
                return fail(s, ERROR_SYNTAX, s->p);
            size_t before = scratch->size;
            if (!scalar(s, &text, &type, &storable))
                return false;
            if (!storable || !text.present || !text.size || type == 't' || type == 'f')
                good = false;
            scratch->size = before;
            if (text.present && text.in_scratch)
                scratch->size = before + text.size; /* it was decoded right here */
            else if (text.present)
                bytes_add(scratch, text.at, text.size);
            bytes_add_byte(scratch, 0);
            if (part == 0) {
                if (!space(s))
                    return false;
                if (*s->p != ':')
                    return fail(s, ERROR_SYNTAX, s->p);
                s->p++;
            }
        }
        empty = false;
        if (!space(s))
            return false;
        uint8_t c = *s->p;
        if (c != '}' && c != ',')
            return fail(s, ERROR_SYNTAX, s->p);
        s->p++;
        if (c == '}')
            break;
    }
    if (!good)
        draft->flags |= ROW_REJECTED;
    else if (!empty)
        draft->id[kind] = intern_text(&s->batch->intern[kind], scratch->data + start, scratch->size - start);
    scratch->size = start;
    return true;
}

static bool identifier(Scan *s, Draft *draft, enum Field field) {
    Batch *batch = s->batch;
    bool combo = field == FIELD_COC || field == FIELD_AOC;
    if (*s->p == '{' && combo)
        return option_map(s, draft, (int)field);
    Text text;
    uint8_t type;
    bool storable;
    if (!scalar(s, &text, &type, &storable))
        return false;
    if (!storable || type == '{' || type == '[' || type == 't' || type == 'f') {
        draft->flags |= ROW_REJECTED;
        return true;
    }
    if (!text.present || !text.size)
        return true;
    if (type == '0' && combo)
        draft->notices |= 1u << (field == FIELD_COC ? NOTICE_COC_NUMBER : NOTICE_AOC_NUMBER);
    if (combo) { /* 'I' tells an identifier from a map */
        size_t start = batch->scratch.size;
        bytes_reserve(&batch->scratch, text.size + 1);
        bytes_add_byte(&batch->scratch, 'I');
        bytes_add(&batch->scratch, text_data(batch, &text), text.size);
        draft->id[field] = intern_text(&batch->intern[field], batch->scratch.data + start, text.size + 1);
        batch->scratch.size = start;
    } else {
        draft->id[field] = intern_text(&batch->intern[field], text_data(batch, &text), text.size);
    }
    return true;
}

static bool text_field(Scan *s, Draft *draft, Text *into) {
    uint8_t type;
    bool storable;
    if (!scalar(s, into, &type, &storable))
        return false;
    if (!storable || type == '{' || type == '[')
        draft->flags |= ROW_REJECTED;
    return true;
}

static bool boolean(Scan *s, Draft *draft, bool is_deleted) {
    Text text;
    uint8_t type;
    bool storable;
    if (!scalar(s, &text, &type, &storable))
        return false;
    int truth = type == 'n' ? -1 : !text.present ? -2 : boolean_text(text_data(s->batch, &text), text.size);
    draft_boolean(draft, is_deleted, truth);
    return true;
}

/* Pass a value that has no place in ADV2; `said` tells whether there was anything in it. */
static bool passed(Scan *s, bool *said) {
    Text text;
    uint8_t type;
    bool storable;
    size_t before = s->batch->scratch.size;
    if (!scalar(s, &text, &type, &storable))
        return false;
    s->batch->scratch.size = before;
    *said = type == '{' || type == '[' || (text.present && text.size);
    return true;
}

static bool dropped(Scan *s, Draft *draft, enum Dropped which) {
    bool said;
    if (!passed(s, &said))
        return false;
    draft->dropped |= (uint32_t)said << which;
    return true;
}

static enum Field field_of(const Scan *s, const uint8_t *name, size_t size) {
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        if (strlen(FIELDS[i].name) == size && same_bytes((const uint8_t *)FIELDS[i].name, name, size))
            return FIELDS[i].field;
    if (s->row_data_set && size == 7 && same_bytes((const uint8_t *)"dataSet", name, 7))
        return FIELD_DS;
    return FIELD_UNKNOWN;
}

/* One row, from its `{` to behind its `}`. A block's end within it leaves the batch's rows as they were. */
static bool row(Scan *s) {
    Batch *batch = s->batch;
    const uint8_t *start = s->p;
    Draft draft = {0};
    uint32_t seen = 0;
    batch_start_row(batch);
    if (*s->p != '{') {
        if (!skip(s, 1))
            return false;
        draft.flags = ROW_REJECTED;
        batch_finish_row(batch, &draft, (uint32_t)(start - s->start), (uint32_t)(s->p - start));
        return true;
    }
    const uint8_t *gap = s->p;
    s->p++;
    for (int position = 0;; position++) {
        enum Field field;
        const uint8_t *name = NULL;
        size_t name_size = 0;
        if (position < GAPS && s->gaps[position].size && (size_t)(s->end - gap) > s->gaps[position].size &&
            same_bytes(s->gaps[position].at, gap, s->gaps[position].size)) {
            s->p = gap + s->gaps[position].size;
            field = s->gaps[position].field;
            if (!space(s)) /* this row may have more of it than the pattern */
                return false;
        } else {
            bool escaped;
            if (position > 0) {
                s->p = gap;
                if (!space(s))
                    return false;
                if (*s->p == '}')
                    break;
                if (*s->p != ',')
                    return fail(s, ERROR_SYNTAX, s->p);
                s->p++;
            }
            if (!space(s))
                return false;
            if (position == 0 && *s->p == '}')
                break;
            if (*s->p != '"')
                return fail(s, ERROR_SYNTAX, s->p);
            s->p++;
            if (!string(s, &name, &name_size, &escaped))
                return false;
            if (escaped) {
                size_t offset = batch->scratch.size;
                unescape(&batch->scratch, name, name_size);
                name = batch->scratch.data + offset;
                name_size = batch->scratch.size - offset;
            }
            field = field_of(s, name, name_size);
            if (!space(s))
                return false;
            if (*s->p != ':')
                return fail(s, ERROR_SYNTAX, s->p);
            s->p++;
            if (!space(s))
                return false;
            if (field != FIELD_UNKNOWN && position < GAPS) {
                s->gaps[position].at = gap;
                s->gaps[position].size = (size_t)(s->p - gap);
                s->gaps[position].field = field;
            }
        }
        bool good, repeated = field != FIELD_UNKNOWN && (seen & 1u << field);
        seen |= 1u << field;
        if (repeated) {
            draft.notices |= 1u << NOTICE_DUPLICATE_KEY;
            good = skip(s, 1);
        } else {
            switch (field) {
            case FIELD_VALUE:
                good = text_field(s, &draft, &draft.value);
                break;
            case FIELD_COMMENT:
                good = text_field(s, &draft, &draft.comment);
                break;
            case FIELD_FOLLOWUP:
            case FIELD_DELETED:
                good = boolean(s, &draft, field == FIELD_DELETED);
                break;
            case FIELD_STORED_BY:
                good = dropped(s, &draft, DROPPED_STORED_BY);
                break;
            case FIELD_CREATED:
                good = dropped(s, &draft, DROPPED_CREATED);
                break;
            case FIELD_LAST_UPDATED:
                good = dropped(s, &draft, DROPPED_LAST_UPDATED);
                break;
            case FIELD_UNKNOWN: {
                /* The name may lie in the scratch, which may move: keep it as an offset over the value. */
                bool scratched = name < s->start || name >= s->end;
                size_t offset = scratched ? (size_t)(name - batch->scratch.data) : 0;
                bool said;
                good = passed(s, &said);
                if (good && said)
                    batch_drop_named(batch, scratched ? batch->scratch.data + offset : name, name_size);
                break;
            }
            default:
                good = identifier(s, &draft, field);
            }
        }
        if (!good)
            return false;
        gap = s->p;
        if (s->p < s->end && *s->p == '}')
            break;
    }
    s->p++;
    batch_finish_row(batch, &draft, (uint32_t)(start - s->start), (uint32_t)(s->p - start));
    return true;
}

/* One `"key": value` of the root object; sets *rows when it is the start of the values' array. */
static bool property(Scan *s, bool *rows) {
    const uint8_t *name;
    size_t size;
    bool escaped;
    *rows = false;
    if (!space(s))
        return false;
    const uint8_t *key_at = s->p;
    if (*s->p != '"')
        return fail(s, ERROR_SYNTAX, s->p);
    s->p++;
    if (!string(s, &name, &size, &escaped))
        return false;
    size_t key_size = (size_t)(s->p - key_at);
    if (!space(s))
        return false;
    if (*s->p != ':')
        return fail(s, ERROR_SYNTAX, s->p);
    s->p++;
    if (!space(s))
        return false;
    if (!escaped && size == 10 && same_bytes(name, (const uint8_t *)"dataValues", 10)) {
        if (*s->p == '[') {
            s->p++;
            *rows = true;
        } else if (*s->p != 'n') {
            /* A value that is well formed is of the wrong kind; any other is malformed. */
            const uint8_t *at = s->p;
            return skip(s, 1) && fail(s, ERROR_STRUCTURE, at);
        }
        if (*rows)
            return true;
    }
    const uint8_t *value_at = s->p;
    if (!skip(s, 1))
        return false;
    batch_property(s->batch, (uint32_t)(key_at - s->start), (uint32_t)key_size, (uint32_t)(value_at - s->start),
                   (uint32_t)(s->p - value_at));
    return true;
}

#define ROWS_SEEN 16 /* a bit of the state: the values' array was opened before this block */

/* Scan a block that starts in `state`.
 *
 * Gives in the batch: state, consumed (what is behind it belongs in front of the next block) and, for a fault,
 * error and error_at. Rows and properties up to there stand.
 */
EXPORT void tp_scan_json(Batch *batch, const uint8_t *block, uint64_t size, uint32_t started, uint32_t final,
                         uint32_t row_data_set) {
    Scan s = {.start = block, .p = block, .end = block + size, .batch = batch, .final = final,
              .row_data_set = row_data_set};
    NO_MEMORY_GUARD((void)(batch->error = ERROR_NO_MEMORY));
    batch->error = ERROR_NONE;
    const uint8_t *unit = s.p;
    uint64_t properties = 0;
    uint32_t state = started & ~(uint32_t)ROWS_SEEN, rows_seen = started & ROWS_SEEN;
    bool good = true, rows;
    while (good && state != END) {
        unit = s.p;
        batch->state = state | rows_seen;
        properties = batch->property_count;
        good = space(&s);
        if (!good)
            break;
        uint8_t c = *s.p;
        switch ((enum State)state) {
        case START:
            if (c != '{')
                good = fail(&s, strchr("[\"-0123456789tfn", c) && c ? ERROR_STRUCTURE : ERROR_SYNTAX, s.p);
            s.p += good;
            state = HEADER_FIRST;
            break;
        case HEADER_FIRST:
        case HEADER_NEXT:
            if (c == '}' && state == HEADER_FIRST) {
                s.p++;
                state = END;
                break;
            }
            good = property(&s, &rows);
            if (good && rows && rows_seen)
                good = fail(&s, ERROR_REPEATED, unit);
            if (good) {
                rows_seen |= rows ? ROWS_SEEN : 0;
                state = rows ? ROWS_FIRST : AFTER_PROPERTY;
            }
            break;
        case AFTER_PROPERTY:
            if (c != ',' && c != '}')
                good = fail(&s, ERROR_SYNTAX, s.p);
            s.p += good;
            state = c == ',' ? HEADER_NEXT : END;
            break;
        case ROWS_FIRST:
        case ROWS_NEXT:
            if (c == ']' && state == ROWS_FIRST) {
                s.p++;
                state = AFTER_PROPERTY;
                break;
            }
            good = row(&s);
            state = AFTER_ROW;
            break;
        case AFTER_ROW:
            if (c != ',' && c != ']')
                good = fail(&s, ERROR_SYNTAX, s.p);
            s.p += good;
            state = c == ',' ? ROWS_NEXT : AFTER_PROPERTY;
            break;
        case END:
            break;
        }
    }
    if (good) {
        batch->state = END | rows_seen;
        unit = s.p;
        while (s.p < s.end && (*s.p == ' ' || *s.p == '\n' || *s.p == '\r' || *s.p == '\t'))
            s.p++;
        unit = s.p;
        if (s.p < s.end)
            fail(&s, ERROR_TRAILING, s.p);
    }
    batch->consumed = (uint64_t)(unit - block);
    if (s.error == ERROR_NEED_MORE) {
        s.error = ERROR_NONE;
        batch->property_count = properties;
    }
    batch->error = s.error;
    batch->error_at = s.error_at ? (uint64_t)(s.error_at - block) : 0;
}
