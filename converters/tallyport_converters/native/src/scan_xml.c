/* DXF2 XML and ADX: the subset of XML that exporters write, read strictly; anything else is left in doubt.
 *
 * Whatever is accepted here is well formed and means to any XML parser what it means here: no comments, no processing
 * instructions, no CDATA, no prefixes, no spaces around `=`, no text between elements, no other elements. A doubt
 * (FAULT_DOUBT) is no fault: the whole document then goes to the general parser, which also words the faults.
 * The root's start tag is handed over as a property: Python has it parsed by the general parser.
 * Rules: XML 1.0, productions in brackets; [AVNORM] is its section 3.3.3.
 */
#include "batch.h"

enum State { START, BODY, IN_GROUP, END };
enum Mode { MODE_DXF, MODE_ADX };
enum Tag { DXF_ROW, ADX_ROW, ADX_GROUP };

/* What belongs on the group. */
static const Meant ADX_MISPLACED[] = {
    {"period", FIELD_PASSED},        {"orgUnit", FIELD_PASSED},
    {"dataSet", FIELD_PASSED},       {"attributeOptionCombo", FIELD_PASSED},
    {"completedDate", FIELD_PASSED}, {"dataSetComplete", FIELD_PASSED},
    {NULL, FIELD_UNKNOWN},
};
static const Meant ADX_GROUP_FIELDS[] = {
    {"dataSet", (enum Field)DS},  {"period", (enum Field)PE},
    {"orgUnit", (enum Field)OU},  {"attributeOptionCombo", (enum Field)AOC},
    {"comment", FIELD_NO_PLACE},  {"completeDate", FIELD_COMPLETE_DATE},
    {"completedDate", FIELD_NO_PLACE}, {"dataSetComplete", FIELD_NO_PLACE},
    {NULL, FIELD_UNKNOWN},
};

#define ATTRIBUTES 64

/* libxml2 refuses names of 50,000 and texts of 10,000,000 bytes: what comes near is left to it. */
#define NAME_LIMIT 1000
#define TEXT_DOUBT (1u << 20)

typedef struct {
    const uint8_t *gap; /* from behind the value before (or the tag's `<`) to the opening quote, included */
    size_t gap_size;
    const uint8_t *name;
    size_t name_size;
    enum Field field;
    uint32_t naming;
    Text value;
} Attribute;

typedef struct {
    const uint8_t *start, *p, *end;
    Batch *batch;
    bool final;
    enum Fault fault;
    const uint8_t *fault_at;
    Attribute row[ATTRIBUTES]; /* those of the row before, as a pattern for the next */
    int row_attributes;
    LeftOut group_left_out[LEFT_OUT_LIMIT]; /* of the ADX group: its rows' as well */
    uint32_t group_left_out_count;
} Scan;

static bool fail(Scan *s, enum Fault fault) {
    s->fault = fault;
    s->fault_at = s->p;
    return false;
}

static bool need(Scan *s) { return fail(s, s->final ? FAULT_DOUBT : FAULT_NEED_MORE); }

static inline bool space(Scan *s) {
    while (s->p < s->end && is_space(*s->p))
        s->p++;
    return s->p < s->end || need(s);
}

static bool literal(Scan *s, const char *text) {
    for (; *text; text++, s->p++) {
        if (s->p == s->end)
            return need(s);
        if (*s->p != (uint8_t)*text)
            return fail(s, FAULT_DOUBT);
    }
    return true;
}

static bool xml_char(uint32_t c) { /* [2] Char */
    return c == 9 || c == 10 || c == 13 || (c >= 0x20 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) ||
           (c >= 0x10000 && c <= 0x10FFFF);
}

/* A reference from its `&`, decoded to the scratch. */
static bool reference(Scan *s) {
    static const struct {
        const char *name;
        char c;
    } known[] = {{"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"quot;", '"'}, {"apos;", '\''}};
    const uint8_t *p = s->p + 1;
    const uint8_t *stop = memchr(p, ';', (size_t)(s->end - p) < 12 ? (size_t)(s->end - p) : 12);
    if (!stop)
        return s->end - p < 12 ? need(s) : fail(s, FAULT_DOUBT);
    size_t size = (size_t)(stop + 1 - p);
    if (*p == '#') {
        bool hex = p[1] == 'x';
        uint32_t c = 0;
        p += hex ? 2 : 1;
        if (p == stop)
            return fail(s, FAULT_DOUBT);
        for (; p < stop; p++) {
            uint8_t lower = *p | 0x20;
            if (is_digit(*p))
                c = c * (hex ? 16 : 10) + (*p - '0');
            else if (hex && lower >= 'a' && lower <= 'f')
                c = c * 16 + (uint32_t)(lower - 'a') + 10;
            else
                return fail(s, FAULT_DOUBT);
            if (c > 0x10FFFF)
                return fail(s, FAULT_DOUBT);
        }
        if (!xml_char(c))
            return fail(s, FAULT_DOUBT);
        utf8_encode(&s->batch->scratch, c);
        s->p = stop + 1;
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == size && !memcmp(known[i].name, p, size)) {
            bytes_add_byte(&s->batch->scratch, (uint8_t)known[i].c);
            s->p = stop + 1;
            return true;
        }
    return fail(s, FAULT_DOUBT);
}

/* Text up to `stop`: an attribute's quote, or `<` for content. Copied to the scratch only where it needs decoding. */
static bool text(Scan *s, uint8_t stop, Text *out) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    Bytes *scratch = &s->batch->scratch;
    const uint8_t *from = s->p;
    bool content = stop == '<';
    *out = (Text){.at = from, .offset = scratch->size, .present = true};
    for (;;) {
        const uint8_t *p = s->p;
        while (s->end - p >= 8) {
            /* In content `stop` is the `<` already, and a `]` has to be seen. */
            uint64_t x = load64(p), a = x ^ (ones * (content ? ']' : stop)), b = x ^ (ones * '<'), c = x ^ (ones * '&');
            uint64_t odd = (((a - ones) & ~a) | ((b - ones) & ~b) | ((c - ones) & ~c) | ((x - ones * 0x20) & ~x) | x);
            if (odd & tops)
                break;
            p += 8;
        }
        while (p < s->end && *p != stop && *p != '<' && *p != '&' && *p >= 0x20 && *p < 0x80 && !(content && *p == ']'))
            p++;
        s->p = p;
        if (p == s->end)
            return need(s);
        if (*p == stop)
            break;
        if (*p >= 0x80) {
            int step = utf8_step(p, s->end);
            if (step < 0)
                return need(s);
            if (step == 0 || (p[0] == 0xEF && p[1] == 0xBF && p[2] >= 0xBE))
                return fail(s, FAULT_DOUBT);
            s->p += step;
            continue;
        }
        bool white = *p == '\t' || *p == '\n' || *p == '\r';
        if (*p == '<' || (*p < 0x20 && !white) || (content && *p == ']'))
            return fail(s, FAULT_DOUBT); /* `]]>` is forbidden in content: any `]` is left to the general parser */
        if (*p == '\r' && p + 1 == s->end)
            return need(s);
        if (content && white && *p != '\r') {
            s->p++;
            continue;
        }
        /* What is decoded: references, white space in attributes [AVNORM], CR and CR LF in content (2.11). */
        bytes_add(scratch, from, (size_t)(p - from));
        out->in_scratch = true;
        if (white) {
            bytes_add_byte(scratch, content ? '\n' : ' ');
            s->p += *p == '\r' && p[1] == '\n' ? 2 : 1;
        } else if (!reference(s)) {
            return false;
        }
        from = s->p;
    }
    if (out->in_scratch) {
        bytes_add(scratch, from, (size_t)(s->p - from));
        out->size = scratch->size - out->offset;
    } else {
        out->size = (size_t)(s->p - from);
    }
    return out->size <= TEXT_DOUBT || fail(s, FAULT_DOUBT);
}

static bool name_start(uint8_t c) { return (c | 0x20) - 'a' + 0u < 26u || c == '_'; }
static bool name_char(uint8_t c) { return name_start(c) || is_digit(c) || c == '-' || c == '.'; }

static enum Field field_of(enum Tag tag, const uint8_t *name, size_t size, uint32_t *naming) {
    *naming = 0;
    enum Field field = tag == DXF_ROW ? FIELD_UNKNOWN : meant(tag == ADX_ROW ? ADX_MISPLACED : ADX_GROUP_FIELDS, name, size);
    if (field == FIELD_UNKNOWN && tag != ADX_GROUP)
        field = meant(ROW_FIELDS, name, size);
    if (field != FIELD_UNKNOWN)
        return field;
    field = field_named(name, size, naming);
    if (tag != DXF_ROW && *naming & NAMED_SHORT)
        return FIELD_UNKNOWN; /* a category, rather */
    *naming &= ~(uint32_t)NAMED_SHORT;
    if (tag == DXF_ROW)
        return field == (enum Field)DS ? FIELD_UNKNOWN : field; /* the header's alone */
    if (tag == ADX_ROW && (uint32_t)field < KINDS && field != (enum Field)DE && field != (enum Field)COC)
        return FIELD_PASSED;
    if (tag == ADX_GROUP && (field == (enum Field)DE || field == (enum Field)COC || field >= FIELD_VALUE))
        return FIELD_UNKNOWN;
    return field;
}

/* The attributes of a tag whose name is behind, up to its `>` or `/`; returns their number, -1 on a stop.
 * `known`: how many of `attributes` hold the row before, whose gaps are tried first. */
static int read_attributes(Scan *s, const uint8_t *from, enum Tag tag, Attribute *attributes, int known) {
    bool all_matched = true;
    const uint8_t *gap = from;
    for (int n = 0;; n++) {
        Attribute *attribute = &attributes[n];
        if (n < known && (size_t)(s->end - gap) > attribute->gap_size && same_bytes(attribute->gap, gap, attribute->gap_size)) {
            attribute->name = gap + (attribute->name - attribute->gap);
            attribute->gap = gap;
            s->p = gap + attribute->gap_size;
        } else {
            all_matched = false;
            const uint8_t *before = s->p;
            if (!space(s))
                return -1;
            if (*s->p == '>' || *s->p == '/') {
                for (int i = 0; i < n; i++)
                    for (int j = i + 1; j < n; j++)
                        if (attributes[i].name_size == attributes[j].name_size &&
                            same_bytes(attributes[i].name, attributes[j].name, attributes[i].name_size))
                            return fail(s, FAULT_DOUBT) - 1;
                return n;
            }
            if (n == ATTRIBUTES || s->p == before || !name_start(*s->p))
                return fail(s, FAULT_DOUBT) - 1;
            attribute->name = s->p;
            while (s->p < s->end && name_char(*s->p))
                s->p++;
            attribute->name_size = (size_t)(s->p - attribute->name);
            if (attribute->name_size > NAME_LIMIT)
                return fail(s, FAULT_DOUBT) - 1;
            if (s->end - s->p < 2)
                return need(s) - 1;
            if (s->p[0] != '=' || (s->p[1] != '"' && s->p[1] != '\''))
                return fail(s, FAULT_DOUBT) - 1;
            if (attribute->name_size == 5 && !memcmp(attribute->name, "xmlns", 5))
                return fail(s, FAULT_DOUBT) - 1;
            s->p += 2;
            attribute->gap = gap;
            attribute->gap_size = (size_t)(s->p - gap);
            attribute->field = field_of(tag, attribute->name, attribute->name_size, &attribute->naming);
        }
        if (!text(s, s->p[-1], &attribute->value))
            return -1;
        s->p++;
        gap = s->p;
        if (all_matched && n + 1 == known && s->p < s->end && *s->p == '/')
            return known; /* the very names of the row before, which were found distinct */
    }
}

static bool end_of_tag(Scan *s, bool *empty) {
    *empty = *s->p == '/';
    return !*empty ? (s->p++, true) : literal(s, "/>");
}

static bool closing(Scan *s, const char *name) {
    if (!literal(s, "</") || !literal(s, name) || !space(s))
        return false;
    return literal(s, ">");
}

HOT void take(Batch *batch, Draft *draft, const Attribute *a) {
    if (a->field >= FIELD_STORED_BY)
        draft->dropped |= 1u << (a->field - FIELD_STORED_BY + DROPPED_STORED_BY);
    else
        draft_take(batch, draft, a->field, &a->value);
}

/* Take over a second attribute of the same meaning. */
COLD void take_again(Batch *batch, Draft *draft, const Attribute *a) {
    Draft other = {0};
    take(batch, &other, a);
    draft_unite(batch, draft, &other, a->field);
}

/* Take over what a tag says. What nobody understands is a category where `categories` names its dimension. */
static void settle(Batch *batch, Draft *draft, const Attribute *attributes, int count, int categories) {
    uint32_t seen = 0;
    int others = 0;
    for (int i = 0; i < count; i++) {
        const Attribute *a = &attributes[i];
        if (!a->value.size)
            continue; /* empty is absent, in every era */
        if (a->field >= FIELD_UNKNOWN) {
            if (a->field == FIELD_PASSED)
                batch_leave_out(batch, a->name, a->name_size, text_data(batch, &a->value), a->value.size);
            else if (a->field == FIELD_NO_PLACE)
                batch_drop_named(batch, a->name, a->name_size);
            others += a->field == FIELD_UNKNOWN;
            continue;
        }
        if (a->naming) {
            Text name = {.at = a->name, .size = a->name_size, .present = true};
            if (a->naming > NAMED_BY_OTHERWISE) {
                batch_stand_in(batch, &name, &a->value, a->field, a->naming);
                continue;
            }
            if (a->field < FIELD_STORED_BY)
                batch_take_named(batch, a->name, a->name_size, a->field);
        }
        if (seen >> a->field & 1) { /* two names for one field */
            take_again(batch, draft, a);
            continue;
        }
        seen |= 1u << a->field;
        take(batch, draft, a);
    }
    if (!others)
        return;
    bool taken = categories >= 0 && !draft->id[categories];
    if (categories >= 0 && !taken)
        draft->notices |= 1u << NOTICE_COMBO_AND_OPTIONS;
    Bytes *scratch = &batch->scratch;
    size_t start = scratch->size;
    for (int i = 0; i < count; i++) {
        const Attribute *a = &attributes[i];
        if (a->field != FIELD_UNKNOWN || !a->value.size)
            continue;
        if (!taken) {
            batch_leave_out(batch, a->name, a->name_size, text_data(batch, &a->value), a->value.size);
            continue;
        }
        batch_add_option(batch, draft, start, a->name, a->name_size, &a->value);
    }
    if (scratch->size > start)
        draft->id[categories] = intern_text(&batch->intern[categories], scratch->data + start, scratch->size - start);
    scratch->size = start;
}

/* The content of an ADX data value: at most one annotation. */
static bool annotation(Scan *s, Draft *draft) {
    Text note;
    if (!space(s))
        return false;
    if (s->end - s->p < 2)
        return need(s);
    if (s->p[1] == '/')
        return true;
    if (!literal(s, "<annotation"))
        return false;
    if (s->p == s->end)
        return need(s);
    if (*s->p == '/') {
        if (!literal(s, "/>"))
            return false;
        note = (Text){.present = true};
    } else if (!literal(s, ">") || !text(s, '<', &note) || !closing(s, "annotation")) {
        return false;
    }
    const uint8_t *value = text_data(s->batch, &draft->value);
    if (note.size && draft->value.present && draft->value.size && !(draft->value.size == 1 && *value == '0'))
        draft->notices |= 1u << NOTICE_ANNOTATION_TAKEN;
    draft->value = note;
    return space(s);
}

static bool row(Scan *s, enum Mode mode, const Draft *group) {
    Batch *batch = s->batch;
    const uint8_t *start = s->p;
    bool empty;
    if (!literal(s, "<dataValue"))
        return false;
    batch_start_row(batch);
    Draft draft = *group;
    if (s->group_left_out_count) {
        batch->left_out_count = s->group_left_out_count;
        memcpy(batch->left_out, s->group_left_out, s->group_left_out_count * sizeof *batch->left_out);
    }
    int count = read_attributes(s, start, mode == MODE_DXF ? DXF_ROW : ADX_ROW, s->row, s->row_attributes);
    s->row_attributes = 0;
    if (count < 0 || !end_of_tag(s, &empty))
        return false;
    settle(batch, &draft, s->row, count, mode == MODE_ADX ? COC : -1);
    if (!empty) {
        if (mode == MODE_ADX ? !annotation(s, &draft) : !space(s))
            return false;
        if (!closing(s, "dataValue"))
            return false;
    }
    s->row_attributes = count;
    batch_finish_file_row(batch, &draft, (uint32_t)(start - s->start), (uint32_t)(s->p - start));
    return true;
}

/* The root's start tag, from its `<`: only its end is found here, quotes respected. */
static bool root(Scan *s, const char *name, bool *empty) {
    const uint8_t *start = s->p;
    uint8_t quote = 0;
    if (!literal(s, "<") || !literal(s, name))
        return false;
    if (s->p < s->end && (name_char(*s->p) || *s->p == ':'))
        return fail(s, FAULT_DOUBT);
    for (; s->p < s->end; s->p++) {
        if (*s->p == '<')
            return fail(s, FAULT_DOUBT);
        if (quote)
            quote = *s->p == quote ? 0 : quote;
        else if (*s->p == '"' || *s->p == '\'')
            quote = *s->p;
        else if (*s->p == '>')
            break;
    }
    if (s->p == s->end)
        return need(s);
    *empty = s->p[-1] == '/';
    s->p++;
    batch_property(s->batch, 0, 0, (uint32_t)(start - s->start), (uint32_t)(s->p - start));
    return true;
}

/* A group's start tag. `again`: it was read in the block before and only brings its context back. */
static bool group_tag(Scan *s, Draft *group, bool again, bool *empty) {
    Attribute found[ATTRIBUTES];
    const uint8_t *start = s->p;
    if (!literal(s, "<group"))
        return false;
    batch_start_row(s->batch);
    int count = read_attributes(s, start, ADX_GROUP, found, 0);
    if (count < 0 || !end_of_tag(s, empty))
        return false;
    *group = (Draft){0};
    Batch *batch = s->batch;
    settle(batch, group, found, count, AOC);
    batch_settle_stand_ins(batch, group);
    s->group_left_out_count = batch->left_out_count;
    if (batch->left_out_count)
        memcpy(s->group_left_out, batch->left_out, batch->left_out_count * sizeof *batch->left_out);
    batch->report.group_at = (uint64_t)(start - s->start);
    batch->report.group_size = (uint64_t)(s->p - start);
    if (!again)
        batch_count_names(batch);
    batch_forget_names(batch); /* a group is no row */
    if (again)
        return true;
    for (int i = 0; i < count; i++)
        if (found[i].field == FIELD_COMPLETE_DATE && found[i].value.size)
            batch_property(s->batch, 1, 0, (uint32_t)batch->report.group_at, (uint32_t)batch->report.group_size);
    return true;
}

/* Scan a block that starts in `state`; IN_GROUP: the block starts with that group's start tag, once more. */
void tp_scan_xml(Batch *batch, const uint8_t *block, uint64_t size, uint32_t mode, uint32_t state,
                        uint32_t final) {
    Scan *s = &(Scan){.start = block, .p = block, .end = block + size, .batch = batch, .final = final};
    SCAN_GUARD(batch->report, size);
    const char *root_name = mode == MODE_ADX ? "adx" : "dataValueSet";
    const Draft none = {0};
    Draft group = {0};
    const uint8_t *unit = block;
    bool good = true, empty = false;
    if (state == IN_GROUP)
        good = group_tag(s, &group, true, &empty);
    while (good) {
        unit = s->p;
        batch->report.state = state;
        if (state == END) {
            while (s->p < s->end && is_space(*s->p))
                s->p++;
            unit = s->p;
            if (s->p < s->end)
                fail(s, FAULT_DOUBT);
            break;
        }
        while (s->p < s->end && is_space(*s->p))
            s->p++;
        if (state != START)
            unit = s->p; /* white space between units is done with */
        if (s->p == s->end || (s->end - s->p < 2)) {
            need(s);
            break;
        }
        bool close = s->p[1] == '/';
        if (state == START) {
            good = root(s, root_name, &empty);
            state = empty ? END : BODY;
        } else if (state == BODY && close) {
            good = closing(s, root_name);
            state = END;
        } else if (state == IN_GROUP && close) {
            good = closing(s, "group");
            state = BODY;
        } else if (state == IN_GROUP || mode == MODE_DXF) {
            good = row(s, (enum Mode)mode, mode == MODE_DXF ? &none : &group);
        } else {
            good = group_tag(s, &group, false, &empty);
            state = empty ? BODY : IN_GROUP;
        }
    }
    batch->report.consumed = (uint64_t)(unit - block);
    batch->report.fault = s->fault == FAULT_NEED_MORE ? FAULT_NONE : s->fault;
    batch->report.fault_at = s->fault_at ? (uint64_t)(s->fault_at - block) : 0;
}
