/* The tables behind it all, by calls in any order: dictionaries, names of fields, ranks that are used, rejected rows. */
#include "input.h"

#define KNOWN 64

typedef struct {
    Dictionaries *all;
    Used *used;
    uint32_t room, known_id[KNOWN], known; /* texts that were added, by what was said of them */
    const uint8_t *known_at[KNOWN];
    size_t known_size[KNOWN];
    bool marked[256];
} Tables;

static bool add_text(Tables *tables, const uint8_t *text, size_t size) {
    uint32_t named_by, kind = size ? text[0] % KINDS : 0, count = tp_dictionary_count(tables->all, kind);
    uint32_t id = tp_dictionary_add(tables->all, kind, text, size), field = tp_field_named(text, size, &named_by);
    if (!id)
        return false;
    const uint32_t *ends;
    const uint8_t *texts = tp_dictionary_text(tables->all, kind, &ends);
    CHECK(id <= tp_dictionary_count(tables->all, kind) && tp_dictionary_count(tables->all, kind) <= count + 1);
    CHECK(ends[id] - ends[id - 1] == size && !memcmp(texts + ends[id - 1], text, size));
    CHECK(field <= FIELD_UNKNOWN && (field == FIELD_UNKNOWN || named_by));
    CHECK(tp_name_hash(text, size, SEED) == tp_name_hash(text, size, SEED) && tp_dictionaries_size(tables->all));
    for (uint32_t i = 0; i < tables->known; i++) {
        bool same = tables->known_size[i] == size && !memcmp(tables->known_at[i], text, size);
        CHECK(!same || tables->known_id[i] == id);
        if (same)
            return true;
    }
    if (tables->known < KNOWN && kind == 0) {
        tables->known_at[tables->known] = text;
        tables->known_size[tables->known] = size;
        tables->known_id[tables->known++] = id;
    }
    return true;
}

static bool use_ranks(Tables *tables, const uint8_t *ranks, size_t count) {
    uint32_t *wide = malloc((count + 1) * sizeof *wide);
    bool within = true;
    for (size_t i = 0; i < count; i++) {
        wide[i] = ranks[i];
        within &= wide[i] < tables->room;
    }
    bool good = tp_used_add(tables->used, (const uint8_t *)wide, count);
    for (size_t i = 0; good && i < count; i++)
        tables->marked[wide[i]] = true;
    free(wide);
    CHECK(within || !good);
    return good || !within;
}

static void settle(Tables *tables) {
    uint64_t count, marked = 0;
    tp_used_settle(tables->used);
    const uint32_t *ranks = tp_used_ranks(tables->used, &count), *index = tp_used_index(tables->used);
    for (uint64_t i = 0; i < count; i++)
        CHECK((!i || ranks[i - 1] < ranks[i]) && index[ranks[i]] == i);
    for (int i = 0; i < 256; i++)
        marked += tables->marked[i];
    CHECK(marked <= count); /* what came before a rank that there is not was taken as well */
    tp_used_clear(tables->used);
    memset(tables->marked, 0, sizeof tables->marked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input = input_of(data, size);
    Tables tables = {.room = choose(&input, 257)};
    bool fails = allocations_may_fail(&input);
    uint8_t *text = exactly(input.data, input.size);
    tables.all = tp_dictionaries_new(SEED);
    tables.used = tp_used_new(tables.room);
    bool good = tables.all && tables.used;
    for (size_t at = 0, end; good && at < input.size; at = end + 1) {
        for (end = at; end < input.size && text[end] != '\n'; end++)
            ;
        if (end > at && text[at] == '#')
            good = use_ranks(&tables, text + at + 1, end - at - 1);
        else if (end > at && text[at] == '!')
            settle(&tables);
        else
            good = add_text(&tables, text + at, end - at);
    }
    CHECK(good || fails);
    tp_dictionaries_free(tables.all);
    tp_used_free(tables.used);
    free(text);
    input_free(&input);
    all_is_freed();
    return 0;
}
