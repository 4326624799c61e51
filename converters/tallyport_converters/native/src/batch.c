/* See batch.h. */
#include "batch.h"

#include <stdlib.h>

#define TEXT_BYTES (4 * TEXT_LIMIT) /* of a text at most: none that is longer is kept */

Batch *tp_batch_new(uint64_t seed) {
    Batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    for (int kind = 0; kind < KINDS; kind++)
        intern_init(&batch->intern[kind], seed);
    intern_init(&batch->names, seed);
    return batch;
}

void tp_batch_free(Batch *batch) {
    if (!batch)
        return;
    for (int kind = 0; kind < KINDS; kind++)
        intern_free(&batch->intern[kind]);
    intern_free(&batch->names);
    bytes_free(&batch->text);
    bytes_free(&batch->scratch);
    free(batch->report.properties);
    free(batch->row);
    free(batch->name);
    free(batch->left_out);
    free(batch->stand_in);
    free(batch->pending);
    free(batch);
}

const BatchReport *tp_batch_report(const Batch *batch) { return &batch->report; }

const char *tp_digest(void) { return SCANNER_DIGEST; }

Row *batch_row(Batch *batch) {
    batch->row = grow(batch->row, &batch->row_capacity, batch->report.rows + 1, sizeof(Row));
    return &batch->row[batch->report.rows];
}

uint32_t batch_see_name(Batch *batch, const uint8_t *name, size_t size) {
    uint32_t id = intern_text(&batch->names, name, size);
    size_t had = batch->name_capacity;
    batch->name = grow(batch->name, &batch->name_capacity, (size_t)id + 1, sizeof *batch->name);
    if (batch->name_capacity > had)
        memset(batch->name + had, 0, (batch->name_capacity - had) * sizeof *batch->name);
    if (batch->name[id].last == batch->report.rows + 1)
        return 0;
    batch->name[id].last = batch->report.rows + 1;
    return id;
}

static void count_later(Batch *batch, uint32_t id, bool taken) {
    batch->pending = grow(batch->pending, &batch->pending_capacity, batch->pending_count + 1, sizeof *batch->pending);
    batch->pending[batch->pending_count++] = (Pending){id, taken};
}

void batch_drop_named(Batch *batch, const uint8_t *name, size_t size) {
    uint32_t id = batch_see_name(batch, name, size);
    if (id) /* a field counts once in a row */
        count_later(batch, id, false);
}

void batch_take_seen(Batch *batch, uint32_t id, uint32_t field) {
    count_later(batch, id, true);
    batch->name[id].field = field;
}

void batch_take_named(Batch *batch, const uint8_t *name, size_t size, uint32_t field) {
    uint32_t id = batch_see_name(batch, name, size);
    if (id)
        batch_take_seen(batch, id, field);
}

/* Leave out a field that batch_see_name gave its id. */
static void leave_out_seen(Batch *batch, uint32_t id, const uint8_t *name, size_t size, const uint8_t *said,
                           size_t said_size) {
    count_later(batch, id, false);
    batch->left_out = grow(batch->left_out, &batch->left_out_capacity, LEFT_OUT_LIMIT, sizeof *batch->left_out);
    LeftOut *all = batch->left_out;
    LeftOut field = {hash_text(name, size, batch->names.seed), hash_text(said, said_size, batch->names.seed)};
    field.name -= field.name == LEFT_OUT_REST;
    uint32_t last = batch->left_out_count;
    if (last == LEFT_OUT_LIMIT) {
        LeftOut *rest = &all[last - 1];
        rest->said = mix(rest->name == LEFT_OUT_REST ? rest->said : rest->said ^ rest->name, field.name ^ field.said);
        rest->name = LEFT_OUT_REST;
        return;
    }
    for (; last && all[last - 1].name > field.name; last--)
        all[last] = all[last - 1];
    all[last] = field;
    batch->left_out_count++;
}

void batch_leave_out(Batch *batch, const uint8_t *name, size_t size, const uint8_t *said, size_t said_size) {
    uint32_t id = batch_see_name(batch, name, size);
    if (id)
        leave_out_seen(batch, id, name, size, said, said_size);
}

void batch_count_names(Batch *batch) {
    for (size_t i = 0; i < batch->pending_count; i++) {
        Name *name = &batch->name[batch->pending[i].id];
        if (!name->dropped && !name->taken)
            name->first = batch->report.rows;
        name->dropped += !batch->pending[i].taken;
        name->taken += batch->pending[i].taken;
    }
}

void batch_forget_names(Batch *batch) {
    for (size_t i = 0; i < batch->pending_count; i++)
        batch->name[batch->pending[i].id].last = 0;
}

void batch_start_row(Batch *batch) {
    batch->scratch.size = 0;
    batch->pending_count = 0;
    batch->left_out_count = batch->stand_in_count = 0;
}

void batch_stand_in(Batch *batch, const Text *name, const Text *said, uint32_t field, uint32_t naming) {
    uint32_t id = batch_see_name(batch, text_data(batch, name), name->size);
    if (!id)
        return; /* the first of a name stands */
    batch->stand_in = grow(batch->stand_in, &batch->stand_in_capacity, STAND_INS, sizeof *batch->stand_in);
    if (batch->stand_in_count < STAND_INS)
        batch->stand_in[batch->stand_in_count++] = (StandIn){*name, *said, field, naming, id};
    else
        leave_out_seen(batch, id, text_data(batch, name), name->size, text_data(batch, said), said->size);
}

uint32_t batch_combo(Batch *batch, int kind, const Text *text) {
    Bytes *scratch = &batch->scratch;
    size_t start = scratch->size;
    bytes_reserve(scratch, text->size + 1); /* first, as the text may lie there */
    bytes_add_byte(scratch, 'I');
    bytes_add(scratch, text_data(batch, text), text->size);
    uint32_t id = intern_text(&batch->intern[kind], scratch->data + start, text->size + 1);
    scratch->size = start;
    return id;
}

void batch_settle_stand_ins(Batch *batch, Draft *draft) {
    for (uint32_t naming = NAMED_BY_CODE; naming <= NAMED_BY_OLD_NAME; naming++)
        for (uint32_t i = 0; i < batch->stand_in_count; i++) {
            const StandIn *found = &batch->stand_in[i];
            const uint8_t *name = text_data(batch, &found->name), *said = text_data(batch, &found->said);
            if (found->naming != naming)
                continue;
            if (draft->id[found->field]) {
                leave_out_seen(batch, found->id, name, found->name.size, said, found->said.size);
                continue;
            }
            batch_take_seen(batch, found->id, found->field);
            draft_identify(batch, draft, (int)found->field, &found->said);
        }
}

static bool same_text(const Batch *batch, const Text *a, const Text *b) {
    return a->size == b->size && same_bytes(text_data(batch, a), text_data(batch, b), a->size);
}

void draft_unite(const Batch *batch, Draft *draft, const Draft *other, uint32_t field) {
    bool differ = false;
    draft->notices |= other->notices;
    draft->dropped |= other->dropped;
    draft->flags |= other->flags & ROW_REJECTED;
    for (int i = 0; i < SPACES_COUNT; i++)
        draft->spaces[i] += other->spaces[i];
    if (field < KINDS) {
        differ = draft->id[field] && other->id[field] && draft->id[field] != other->id[field];
        if (!draft->id[field])
            draft->id[field] = other->id[field];
    } else if (field == FIELD_VALUE || field == FIELD_COMMENT) {
        Text *text = field == FIELD_VALUE ? &draft->value : &draft->comment;
        const Text *more = field == FIELD_VALUE ? &other->value : &other->comment;
        if (more->present && more->size) {
            differ = text->present && text->size && !same_text(batch, text, more);
            *text = text->present && text->size ? *text : *more;
        }
    } else if (field == FIELD_FOLLOWUP || field == FIELD_DELETED) {
        uint32_t mask = field == FIELD_DELETED ? ROW_DELETED | ROW_NOT_DELETED : ROW_FOLLOWUP_TRUE | ROW_FOLLOWUP_FALSE;
        uint32_t said = draft->flags & mask, more = other->flags & mask;
        differ = said && more && said != more;
        draft->flags |= said ? 0 : more;
    }
    if (differ)
        draft->flags |= ROW_REJECTED | ROW_CONFLICT;
}

void batch_add_option(Batch *batch, Draft *draft, size_t start, const uint8_t *name, size_t name_size, const Text *option) {
    Bytes *scratch = &batch->scratch;
    Text text = *option;
    draft_trim(batch, draft, &text);
    if (!text.size)
        return;
    bytes_reserve(scratch, name_size + text.size + 3); /* first, as the text may lie there */
    if (scratch->size == start)
        bytes_add_byte(scratch, 'M');
    bytes_add(scratch, name, name_size);
    bytes_add_byte(scratch, 0);
    bytes_add(scratch, text_data(batch, &text), text.size);
    bytes_add_byte(scratch, 0);
}

void batch_property(Batch *batch, uint32_t key_at, uint32_t key_size, uint32_t value_at, uint32_t value_size) {
    batch->report.properties =
        grow(batch->report.properties, &batch->property_capacity, batch->report.property_count + 1, sizeof(Property));
    batch->report.properties[batch->report.property_count++] = (Property){key_at, key_size, value_at, value_size};
}

void batch_finish_row(Batch *batch, Draft *draft, uint32_t source_at, uint32_t source_size) {
    if (batch->stand_in_count)
        batch_settle_stand_ins(batch, draft);
    Row *row = batch_row(batch);
    const uint8_t *value = text_data(batch, &draft->value), *comment = text_data(batch, &draft->comment);
    size_t value_size = draft->value.present ? draft->value.size : 0;
    size_t comment_size = draft->comment.present ? draft->comment.size : 0;
    if (value_size)
        draft->flags |= ROW_HAS_VALUE;
    if (comment_size)
        draft->flags |= ROW_HAS_COMMENT;
    if ((draft->flags & (ROW_FOLLOWUP_TRUE | ROW_FOLLOWUP_FALSE)) == ROW_FOLLOWUP_FALSE)
        draft->dropped |= 1u << DROPPED_FOLLOWUP_FALSE;
    if (!draft->id[DE] || !(comment_size || draft->flags & (ROW_HAS_VALUE | ROW_DELETED)) ||
        text_longer(value, value_size, TEXT_LIMIT) ||
        text_longer(comment, comment_size, TEXT_LIMIT))
        draft->flags |= ROW_REJECTED;
    if (draft->flags & ROW_REJECTED) {
        batch->report.rejected++;
        value_size = comment_size = 0;
    } else if (value_size && text_blank(value, value_size)) {
        draft->notices |= 1u << NOTICE_BLANK_VALUE;
    }
    for (int i = 0; i < DROPPED_COUNT; i++)
        batch->report.dropped[i] += draft->dropped >> i & 1;
    for (int i = 0; draft->notices >> i; i++)
        if (draft->notices >> i & 1 && !batch->report.notices[i].count++)
            batch->report.notices[i].first = batch->report.rows;
    if (batch->pending_count)
        batch_count_names(batch);
    if (batch->text.size > UINT32_MAX - 2 * TEXT_BYTES - LEFT_OUT_LIMIT * sizeof(LeftOut))
        out_of_memory(); /* offsets have 32 bits */
    memcpy(row->id, draft->id, sizeof row->id);
    row->text = (uint32_t)batch->text.size;
    row->value_size = (uint32_t)value_size;
    row->comment_size = (uint32_t)comment_size;
    row->source_at = source_at;
    row->source_size = source_size;
    row->flags = draft->flags;
    bytes_add(&batch->text, value, value_size);
    bytes_add(&batch->text, comment, comment_size);
    if (batch->left_out_count && !(row->flags & ROW_REJECTED)) {
        row->flags |= batch->left_out_count << LEFT_OUT_SHIFT;
        bytes_add(&batch->text, batch->left_out, left_out_size(row->flags));
    }
    batch->report.rows++;
}

static void tidy_text(const Batch *batch, Draft *draft, Text *text, enum WordPlace place) {
    if (!text->present || !text->size)
        return;
    Text inner = *text;
    if (text_cut(batch, &inner)) {
        if (!inner.size && place == WORD_VALUE)
            return; /* a blank is kept, and told as one */
        *text = inner;
        text->present = inner.size > 0;
        draft->spaces[SPACES_TEXTS]++;
    }
    draft->word[place] = word_for_nothing(text_data(batch, text), text->size);
}

void batch_finish_file_row(Batch *batch, Draft *draft, uint32_t source_at, uint32_t source_size) {
    tidy_text(batch, draft, &draft->value, WORD_VALUE);
    tidy_text(batch, draft, &draft->comment, WORD_COMMENT);
    for (int i = 0; i < SPACES_COUNT; i++)
        if (draft->spaces[i]) {
            if (!batch->report.spaces[i].count)
                batch->report.spaces[i].first = batch->report.rows;
            batch->report.spaces[i].count += draft->spaces[i];
        }
    uint32_t words;
    memcpy(&words, draft->word, sizeof words);
    if (words) {
        if (!batch->report.nothing.count++)
            batch->report.nothing.first = batch->report.rows;
        for (int place = 0; place < WORD_PLACES; place++)
            if (draft->word[place])
                batch->report.words[place][draft->word[place] - 1]++;
    }
    batch_finish_row(batch, draft, source_at, source_size);
}

int boolean_text(const uint8_t *p, size_t size) {
    static const char *words[] = {"false", "true"};
    cut_space(&p, &size);
    if (!size)
        return -1;
    for (int truth = 0; truth < 2; truth++) {
        size_t i = 0;
        while (i < size && words[truth][i] && (p[i] | 0x20) == words[truth][i] && p[i] < 0x80)
            i++;
        if (i == size && !words[truth][i])
            return truth;
    }
    return -2;
}

void draft_boolean(Draft *draft, bool is_deleted, int truth) {
    if (truth == -2) /* it says something, which is neither */
        draft->flags |= ROW_REJECTED | (is_deleted ? ROW_DELETED | ROW_NOT_DELETED : ROW_FOLLOWUP_TRUE | ROW_FOLLOWUP_FALSE);
    else if (truth >= 0 && is_deleted)
        draft->flags |= truth ? ROW_DELETED : ROW_NOT_DELETED;
    else if (truth >= 0)
        draft->flags |= truth ? ROW_FOLLOWUP_TRUE : ROW_FOLLOWUP_FALSE;
}

void tp_batch_row_span(const Batch *batch, uint64_t row, uint32_t *at, uint32_t *size) {
    *at = batch->row[row].source_at;
    *size = batch->row[row].source_size;
}

uint32_t tp_batch_names(const Batch *batch) { return batch->names.count; }

const uint8_t *tp_batch_name(const Batch *batch, uint32_t id, uint64_t *size, Name *name) {
    size_t length;
    const uint8_t *text = interned(&batch->names, id, &length);
    *size = length;
    *name = batch->name[id];
    return text;
}

/* The hash of a name as LeftOut has it. */
uint64_t tp_name_hash(const uint8_t *name, uint64_t size, uint64_t seed) {
    uint64_t hash = hash_text(name, size, seed);
    return hash - (hash == LEFT_OUT_REST);
}
