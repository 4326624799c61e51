/* DXF2 JSON: a strict parser that turns rows into a batch as it goes and marks the spans of header properties.
 *
 * It can stop and go on between header properties and between rows (the states below), so that a file is read in
 * blocks; within a unit it asks for more. Rows of one file mostly share their layout: the bytes between two values
 * (`, "period": `) are compared with those of the row before, and only parsed where they differ.
 * Grammar: RFC 8259; duplicate keys: the first wins, as in DHIS2 2.43.
 */
#include "json.h"

enum State { START, VALUES_FIRST, VALUES_NEXT, AFTER_VALUE, HEADER_FIRST, HEADER_NEXT, AFTER_PROPERTY, END };

/* What our own general readers hand on besides. */
static const Meant OUR_OWN[] = {
    {"dataSet", (enum Field)DS},   {"original", FIELD_PASSED},
    {"leftOut", FIELD_LEFT_OUT},   {"leftOutOfGroup", FIELD_LEFT_OUT_OF_GROUP},
    {"doubled", FIELD_DOUBLED},    {NULL, FIELD_UNKNOWN},
};

#define GAPS 32
typedef struct {
    Json json;
    Batch *batch;
    bool row_data_set; /* our own general readers hand over rows as JSON, with a data set and the original row each */
    struct {
        const uint8_t *at;
        size_t size, name_at, name_size;
        enum Field field;
        uint32_t naming;
    } gaps[GAPS];
} Scan;

#define CATEGORIES 64 /* of one combo, that are compared */

/* {category: option, ...} as one dictionary text: 'M', then category NUL option NUL of each. */
static bool option_map(Scan *s, Draft *draft, int kind) {
    Bytes *scratch = &s->batch->scratch;
    bool good = true, more = true;
    size_t name_at[CATEGORIES]; /* in the scratch, each with its NUL */
    size_t name_size[CATEGORIES];
    int names = 0;
    s->json.p++;
    if (!json_space(&s->json))
        return false;
    size_t start = scratch->size; /* what lies before it, texts of this row, stays */
    bytes_add_byte(scratch, 'M');
    if (*s->json.p == '}') {
        s->json.p++;
        return true;
    }
    while (more) {
        for (int part = 0; part < 2; part++) {
            Scalar found;
            if (!json_space(&s->json))
                return false;
            if (part == 0 && *s->json.p != '"')
                return json_fail(&s->json, FAULT_SYNTAX, s->json.p);
            size_t before = scratch->size;
            if (!json_scalar(&s->json, &found))
                return false;
            Text text = found.text;
            if (text.present && found.type == '"')
                draft_trim(s->batch, draft, &text);
            if (!found.storable || !text.present || !text.size || found.type == 't' || found.type == 'f')
                good = false;
            scratch->size = before;
            if (text.present && text.in_scratch) { /* it was decoded right here */
                memmove(scratch->data + before, scratch->data + text.offset, text.size);
                scratch->size = before + text.size;
            } else if (text.present)
                bytes_add(scratch, text.at, text.size);
            bytes_add_byte(scratch, 0);
            if (part == 0 && names < CATEGORIES) {
                name_at[names] = before;
                name_size[names] = scratch->size - before;
                for (int i = 0; i < names; i++)
                    if (name_size[i] == name_size[names] &&
                        same_bytes(scratch->data + name_at[i], scratch->data + before, name_size[i]))
                        draft->notices |= 1u << NOTICE_DUPLICATE_KEY; /* the first stands: see combos.py */
                names++;
            }
            if (part == 0 && !(json_space(&s->json) && json_take(&s->json, ':')))
                return false;
        }
        if (!json_part(&s->json, '}', &more))
            return false;
    }
    if (!good)
        draft->flags |= ROW_REJECTED;
    else
        draft->id[kind] = intern_text(&s->batch->intern[kind], scratch->data + start, scratch->size - start);
    scratch->size = start;
    return true;
}

static bool identifier(Scan *s, Draft *draft, enum Field field) {
    Batch *batch = s->batch;
    bool combo = field == (enum Field)COC || field == (enum Field)AOC;
    if (*s->json.p == '{' && combo)
        return option_map(s, draft, (int)field);
    Scalar found;
    if (!json_scalar(&s->json, &found))
        return false;
    if (!found.storable || strchr("{[tf", found.type)) {
        draft->flags |= ROW_REJECTED;
        return true;
    }
    if (!found.text.present || !found.text.size)
        return true;
    if (found.type == '0' && combo)
        draft->notices |= 1u << (field == (enum Field)COC ? NOTICE_COC_NUMBER : NOTICE_AOC_NUMBER);
    draft_identify(batch, draft, (int)field, &found.text);
    return true;
}

static bool text_field(Scan *s, Draft *draft, Text *into) {
    Scalar found;
    if (!json_scalar(&s->json, &found))
        return false;
    *into = found.text;
    if (!found.storable || found.type == '{' || found.type == '[')
        draft->flags |= ROW_REJECTED;
    return true;
}

static bool boolean(Scan *s, Draft *draft, bool is_deleted) {
    Scalar found;
    if (!json_scalar(&s->json, &found))
        return false;
    const Text *text = &found.text;
    int truth = found.type == 'n' ? -1 : !text->present ? -2 : boolean_text(text_data(s->batch, text), text->size);
    draft_boolean(draft, is_deleted, truth);
    return true;
}

/* Pass a value that has no place in ADV2: counted if there was anything in it. */
static bool dropped(Scan *s, Draft *draft, enum Dropped which) {
    Scalar found;
    size_t before = s->batch->scratch.size;
    if (!json_scalar(&s->json, &found))
        return false;
    s->batch->scratch.size = before;
    bool said = found.type == '{' || found.type == '[' || (found.text.present && found.text.size);
    draft->dropped |= (uint32_t)said << which;
    return true;
}

/* A field that nobody understands, or one that may stand in for another: see batch.h. */
static bool left_out(Scan *s, const Text *name, enum Field field, uint32_t naming) {
    Batch *batch = s->batch;
    const uint8_t *at = s->json.p;
    Scalar found;
    if (!json_scalar(&s->json, &found))
        return false;
    Text said = found.text;
    if (found.type == '{' || found.type == '[')
        said = (Text){.at = at, .size = (size_t)(s->json.p - at), .present = true};
    if (!said.present || !said.size) /* the first of a name stands, even if it says nothing */
        batch_see_name(batch, text_data(batch, name), name->size);
    else if (field < FIELD_UNKNOWN && found.storable && !strchr("{[tf", found.type))
        batch_stand_in(batch, name, &said, field, naming);
    else
        batch_leave_out(batch, text_data(batch, name), name->size, text_data(batch, &said), said.size);
    return true;
}

/* An object of fields that nobody understands, as our own general readers hand it on; a group's have been counted. */
static bool left_out_object(Scan *s, bool is_counted) {
    size_t pending = s->batch->pending_count;
    Member member;
    if (!json_open(&s->json))
        return false;
    for (bool more = true; more;)
        if (!json_member(&s->json, &member) || !left_out(s, &member.name, FIELD_UNKNOWN, 0) ||
            !json_part(&s->json, '}', &more))
            return false;
    if (is_counted)
        s->batch->pending_count = pending;
    return true;
}

static enum Field field_of(const Scan *s, const uint8_t *name, size_t size, uint32_t *naming) {
    *naming = 0;
    enum Field field = meant(ROW_FIELDS, name, size);
    if (field == FIELD_UNKNOWN && s->row_data_set)
        field = meant(OUR_OWN, name, size);
    if (field != FIELD_UNKNOWN || s->row_data_set)
        return field;
    field = field_named(name, size, naming);
    *naming &= ~(uint32_t)NAMED_SHORT;
    return field == (enum Field)DS ? FIELD_UNKNOWN : field; /* the header's alone */
}

/* Whether a key is the same, letter by letter, as one before in the row: `earlier` is behind the value before it. */
COLD bool same_key_as(Scan *s, const uint8_t *earlier, const Text *name) {
    Json again = s->json;
    Bytes *scratch = &s->batch->scratch;
    size_t start = scratch->size;
    bool storable;
    Text known = {0};
    again.p = memchr(earlier, '"', (size_t)(s->json.p - earlier));
    json_text(&again, &known, &storable); /* it was read before: this cannot fail */
    bool same = known.size == name->size &&
                same_bytes(text_data(s->batch, &known), text_data(s->batch, name), name->size);
    scratch->size = start;
    return same;
}

HOT bool field_value(Scan *s, Draft *draft, enum Field field) {
    switch (field) {
    case FIELD_VALUE:
        return text_field(s, draft, &draft->value);
    case FIELD_COMMENT:
        return text_field(s, draft, &draft->comment);
    case FIELD_FOLLOWUP:
    case FIELD_DELETED:
        return boolean(s, draft, field == FIELD_DELETED);
    case FIELD_STORED_BY:
    case FIELD_CREATED:
    case FIELD_LAST_UPDATED:
        return dropped(s, draft, (enum Dropped)(field - FIELD_STORED_BY + DROPPED_STORED_BY));
    default:
        return identifier(s, draft, field);
    }
}

/* Whether a value is neither null nor an empty text. */
static bool says_something(const Json *s) {
    return *s->p != 'n' && !(s->end - s->p >= 2 && s->p[0] == '"' && s->p[1] == '"');
}

/* A field that the row has already: by the same key, which is passed over, or by another name. */
COLD bool field_again(Scan *s, Draft *draft, const uint8_t *earlier, const Text *name, enum Field field, uint32_t naming) {
    Batch *batch = s->batch;
    uint32_t id = 0;
    if (!same_key_as(s, earlier, name))
        id = batch_see_name(batch, text_data(batch, name), name->size);
    if (!id) { /* this very key was there before */
        draft->notices |= 1u << NOTICE_DUPLICATE_KEY;
        return json_skip(&s->json, 1);
    }
    if (naming == NAMED_BY_OTHERWISE && field < FIELD_STORED_BY && says_something(&s->json))
        batch_take_seen(batch, id, field);
    Draft other = {0};
    if (!field_value(s, &other, field))
        return false;
    draft_unite(batch, draft, &other, field);
    return true;
}

/* A field that is no field of DHIS2's, or has another name. */
COLD bool other_field(Scan *s, Draft *draft, const Text *name, enum Field field, uint32_t naming) {
    if (field == FIELD_DOUBLED)
        draft->flags |= ROW_REJECTED | ROW_CONFLICT;
    if (field == FIELD_PASSED || field == FIELD_DOUBLED)
        return json_skip(&s->json, 1);
    if (field == FIELD_LEFT_OUT || field == FIELD_LEFT_OUT_OF_GROUP)
        return left_out_object(s, field == FIELD_LEFT_OUT_OF_GROUP);
    return left_out(s, name, field, naming);
}

/* The name of the field in the gap before its value: as it stands there, and nothing to decode. */
static Text gap_name(const Scan *s, const uint8_t *gap, int position) {
    return (Text){.at = gap + s->gaps[position].name_at, .size = s->gaps[position].name_size, .present = true};
}

/* One row, from its `{` to behind its `}`. A block's end within it leaves the batch's rows as they were. */
static bool row(Scan *s) {
    Batch *batch = s->batch;
    const uint8_t *start = s->json.p;
    Draft draft = {0};
    uint32_t seen = 0;
    const uint8_t *where[FIELD_UNKNOWN]; /* behind the value before each that was seen */
    batch_start_row(batch);
    if (*s->json.p != '{') {
        if (!json_skip(&s->json, 1))
            return false;
        draft.flags = ROW_REJECTED;
        batch_finish_file_row(batch, &draft, (uint32_t)(start - s->json.start), (uint32_t)(s->json.p - start));
        return true;
    }
    const uint8_t *gap = s->json.p;
    s->json.p++;
    for (int position = 0;; position++) {
        enum Field field;
        uint32_t naming;
        Text name;
        bool parsed = false;
        if (position < GAPS && s->gaps[position].size && (size_t)(s->json.end - gap) > s->gaps[position].size &&
            same_bytes(s->gaps[position].at, gap, s->gaps[position].size)) {
            s->json.p = gap + s->gaps[position].size;
            field = s->gaps[position].field;
            naming = s->gaps[position].naming;
            if (!json_space(&s->json)) /* this row may have more of it than the pattern */
                return false;
        } else {
            Member member;
            parsed = true;
            if (position > 0)
                s->json.p = gap;
            if (!json_space(&s->json))
                return false;
            if (*s->json.p == '}')
                break;
            if ((position > 0 && !json_take(&s->json, ',')) || !json_member(&s->json, &member))
                return false;
            name = member.name;
            field = field_of(s, text_data(batch, &name), name.size, &naming);
            if (position < GAPS && !name.in_scratch) {
                s->gaps[position].at = gap;
                s->gaps[position].size = (size_t)(s->json.p - gap);
                s->gaps[position].name_at = (size_t)(name.at - gap);
                s->gaps[position].name_size = name.size;
                s->gaps[position].field = field;
                s->gaps[position].naming = naming;
            }
        }
        bool good;
        if (field < FIELD_UNKNOWN && !naming && !(seen >> field & 1)) {
            seen |= 1u << field;
            where[field] = gap;
            good = field_value(s, &draft, field);
        } else {
            if (!parsed)
                name = gap_name(s, gap, position);
            if (field >= FIELD_UNKNOWN || naming > NAMED_BY_OTHERWISE) {
                good = other_field(s, &draft, &name, field, naming);
            } else if (seen >> field & 1) {
                good = field_again(s, &draft, where[field], &name, field, naming);
            } else {
                seen |= 1u << field;
                where[field] = gap;
                if (field < FIELD_STORED_BY && says_something(&s->json))
                    /* cppcheck-suppress uninitStructMember ; a name that was not parsed is that of the gap */
                    batch_take_named(batch, text_data(batch, &name), name.size, field);
                good = field_value(s, &draft, field);
            }
        }
        if (!good)
            return false;
        gap = s->json.p;
        if (s->json.p < s->json.end && *s->json.p == '}')
            break;
    }
    s->json.p++;
    batch_finish_file_row(batch, &draft, (uint32_t)(start - s->json.start), (uint32_t)(s->json.p - start));
    return true;
}

/* One `"key": value` of the root object; sets *rows when it is the start of the values' array. */
static bool property(Scan *s, bool *rows) {
    Member member;
    *rows = false;
    s->batch->scratch.size = 0; /* no row is being read */
    if (!json_member(&s->json, &member))
        return false;
    const uint8_t *name = text_data(s->batch, &member.name); /* "d\u0061taValues" is the same name */
    if (member.name.size == 10 && same_bytes(name, (const uint8_t *)"dataValues", 10)) {
        if (*s->json.p == '[') {
            s->json.p++;
            *rows = true;
        } else if (*s->json.p != 'n') {
            /* A value that is well formed is of the wrong kind; any other is malformed. */
            const uint8_t *at = s->json.p;
            return json_skip(&s->json, 1) && json_fail(&s->json, FAULT_STRUCTURE, at);
        }
        if (*rows)
            return true;
    }
    const uint8_t *value_at = s->json.p;
    if (!json_skip(&s->json, 1))
        return false;
    batch_property(s->batch, (uint32_t)(member.key - s->json.start), (uint32_t)member.key_size,
                   (uint32_t)(value_at - s->json.start), (uint32_t)(s->json.p - value_at));
    return true;
}

#define ROWS_SEEN 16 /* a bit of the state: the values' array was opened before this block */

void tp_scan_json(Batch *batch, const uint8_t *block, uint64_t size, uint32_t started, uint32_t final,
                         uint32_t row_data_set) {
    Scan s = {.json = {.start = block, .p = block, .end = block + size, .scratch = &batch->scratch, .final = final},
              .batch = batch,
              .row_data_set = row_data_set};
    SCAN_GUARD(batch->report, size);
    const uint8_t *unit = s.json.p;
    uint64_t properties = 0;
    uint32_t state = started & ~(uint32_t)ROWS_SEEN, rows_seen = started & ROWS_SEEN;
    bool good = true, rows, more;
    while (good && state != END) {
        unit = s.json.p;
        batch->report.state = state | rows_seen;
        properties = batch->report.property_count;
        good = json_space(&s.json);
        if (!good)
            break;
        uint8_t c = *s.json.p;
        switch ((enum State)state) {
        case START:
            good = json_open(&s.json);
            state = HEADER_FIRST;
            break;
        case HEADER_FIRST:
        case HEADER_NEXT:
            if (c == '}' && state == HEADER_FIRST) {
                s.json.p++;
                state = END;
                break;
            }
            good = property(&s, &rows);
            if (good && rows && rows_seen)
                good = json_fail(&s.json, FAULT_REPEATED, unit);
            if (good) {
                rows_seen |= rows ? ROWS_SEEN : 0;
                state = rows ? VALUES_FIRST : AFTER_PROPERTY;
            }
            break;
        case AFTER_PROPERTY:
            good = json_part(&s.json, '}', &more);
            state = more ? HEADER_NEXT : END;
            break;
        case VALUES_FIRST:
        case VALUES_NEXT:
            if (c == ']' && state == VALUES_FIRST) {
                s.json.p++;
                state = AFTER_PROPERTY;
                break;
            }
            good = row(&s);
            state = AFTER_VALUE;
            break;
        case AFTER_VALUE:
            good = json_part(&s.json, ']', &more);
            state = more ? VALUES_NEXT : AFTER_PROPERTY;
            break;
        case END:
            break;
        }
    }
    if (good) {
        batch->report.state = END | rows_seen;
        unit = s.json.p;
        while (s.json.p < s.json.end && is_space(*s.json.p))
            s.json.p++;
        unit = s.json.p;
        if (s.json.p < s.json.end)
            json_fail(&s.json, FAULT_TRAILING, s.json.p);
    }
    batch->report.consumed = (uint64_t)(unit - block);
    if (s.json.fault == FAULT_NEED_MORE) {
        s.json.fault = FAULT_NONE;
        batch->report.property_count = properties;
    }
    batch->report.fault = s.json.fault;
    batch->report.fault_at = s.json.fault_at ? (uint64_t)(s.json.fault_at - block) : 0;
}
