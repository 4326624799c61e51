/* See chain.h. */
#include "chain.h"

#define BLOCKS_MOST 24 /* about so many: what is found with more is found with these, and sooner */

typedef struct {
    enum Format format;
    const Layout *layout;
    uint32_t row_data_set; /* JSON */
    size_t block_bytes;
    bool guesses; /* blocks are scanned ahead, from where they were cut, as threads do */
} Way;

/* A source that was read. */
typedef struct {
    Dictionaries *all;
    Rejects *rejects;
    Blob **blobs;
    size_t blob_count;
    uint64_t rows, rejected;
    uint32_t fault;
    uint64_t counted[DROPPED_COUNT + NOTICE_COUNT + SPACES_COUNT + WORD_PLACES + 1];
    uint64_t first[NOTICE_COUNT];
    uint64_t names; /* a sum over all that is said of names */
    bool no_memory;
} Source;

/* --- Reading ------------------------------------------------------------------------------------------------------ */

static uint32_t next_state(enum Format format) {
    return format == FORMAT_JSON ? 18 : format == FORMAT_XML || format == FORMAT_ADX ? 1 : 0;
}

static size_t cut(const Way *way, const uint8_t *block, size_t size) {
    static const char *tags[] = {"<dataValue", "<group"};
    const char *tag = tags[way->format == FORMAT_ADX];
    switch (way->format) {
    case FORMAT_JSON:
        return tp_cut_json(block, size);
    case FORMAT_CSV:
        return tp_cut_csv(block, size);
    case FORMAT_TUPLES:
        return size;
    default:
        return tp_cut_xml(block, size, (const uint8_t *)tag, strlen(tag));
    }
}

static Batch *scan(const Way *way, const uint8_t *block, size_t size, uint32_t state, bool final) {
    Batch *batch = tp_batch_new(SEED);
    if (!batch)
        return NULL;
    switch (way->format) {
    case FORMAT_JSON:
        tp_scan_json(batch, block, size, state, final, way->row_data_set);
        break;
    case FORMAT_CSV:
        tp_scan_csv(batch, block, size, way->layout, final);
        break;
    case FORMAT_TUPLES:
        tp_scan_tuples(batch, block, size, final);
        break;
    default:
        tp_scan_xml(batch, block, size, way->format == FORMAT_ADX, state, final);
    }
    return batch;
}

static void add_up(Source *source, const Batch *batch, uint64_t size) {
    const BatchReport *report = tp_batch_report(batch);
    uint64_t *counted = source->counted;
    CHECK(report->consumed <= size && report->fault_at <= size && report->rejected <= report->rows);
    CHECK(report->group_at + report->group_size <= size);
    for (int i = 0; i < DROPPED_COUNT; i++)
        *counted++ += report->dropped[i];
    for (int i = 0; i < NOTICE_COUNT; i++) {
        if (report->notices[i].count && !*counted)
            source->first[i] = source->rows + report->notices[i].first;
        *counted++ += report->notices[i].count;
    }
    for (int i = 0; i < SPACES_COUNT; i++)
        *counted++ += report->spaces[i].count;
    for (int place = 0; place < WORD_PLACES; place++, counted++)
        for (int word = 0; word < WORDS; word++)
            *counted += report->words[place][word] * (uint64_t)(word + 1);
    *counted += report->nothing.count;
    for (uint64_t i = 0; i < report->property_count; i++) {
        const Property *p = &report->properties[i];
        CHECK((uint64_t)p->key_at + p->key_size <= size && (uint64_t)p->value_at + p->value_size <= size);
    }
    for (uint64_t row = 0; row < report->rows; row++) {
        uint32_t at, row_size;
        tp_batch_row_span(batch, row, &at, &row_size);
        CHECK((uint64_t)at + row_size <= report->consumed);
    }
    for (uint32_t id = 1; id <= tp_batch_names(batch); id++) {
        Name name;
        uint64_t name_size;
        const uint8_t *text = tp_batch_name(batch, id, &name_size, &name);
        if (name.dropped || name.taken)
            source->names += tp_name_hash(text, name_size, SEED) * (name.dropped + 3 * name.taken);
    }
    source->rows += report->rows;
    source->rejected += report->rejected;
}

static void read_source(const Way *way, const uint8_t *data, size_t size, Source *source) {
    size_t done = 0, at = 0; /* what is behind `done` is in no accepted batch */
    uint32_t state = 0;
    Text context = {0}; /* the start tag of a group that goes on */
    bool final = false;
    *source = (Source){.all = tp_dictionaries_new(SEED), .rejects = tp_rejects_new()};
    source->no_memory = !source->all || !source->rejects;
    while (!final && !source->no_memory && !source->fault) {
        size_t from = at, to = at;
        for (size_t found = 0; !found && !final;) { /* blocks are joined until there is a place to cut at */
            to = size - to > way->block_bytes ? to + way->block_bytes : size;
            final = to == size;
            uint8_t *carry = exactly(data + from, to - from);
            found = cut(way, carry, to - from);
            free(carry);
            at = final ? size : from + found;
        }
        if (way->guesses) {
            uint8_t *block = exactly(data + from, at - from);
            Batch *ahead = scan(way, block, at - from, from ? next_state(way->format) : 0, final);
            source->no_memory |= !ahead || tp_batch_report(ahead)->fault == FAULT_NO_MEMORY;
            tp_batch_free(ahead);
            free(block);
        }
        Text whole = {0};
        text_add(&whole, context.data, context.size);
        text_add(&whole, data + done, at - done);
        uint8_t *block = exactly(whole.data, whole.size);
        Batch *batch = source->no_memory ? NULL : scan(way, block, whole.size, state, final);
        source->no_memory |= !batch || tp_batch_report(batch)->fault == FAULT_NO_MEMORY;
        if (!source->no_memory) {
            const BatchReport *report = tp_batch_report(batch);
            uint64_t first_row = source->rows;
            add_up(source, batch, whole.size);
            source->fault = report->fault;
            CHECK(source->fault || report->consumed >= context.size);
            if (!source->fault)
                done += report->consumed - context.size;
            CHECK(source->fault || !final || done == size || way->format == FORMAT_XML || way->format == FORMAT_ADX);
            state = report->state;
            context.size = 0;
            if (way->format == FORMAT_ADX && state == 2)
                text_add(&context, block + report->group_at, report->group_size);
            Blob *blob = tp_pack(batch, source->all, source->rejects, first_row);
            source->no_memory |= !blob;
            if (blob) {
                source->blobs = realloc(source->blobs, (source->blob_count + 1) * sizeof *source->blobs);
                source->blobs[source->blob_count++] = blob;
            }
        }
        tp_batch_free(batch);
        free(block);
        text_free(&whole);
    }
    text_free(&context);
}

static void source_free(Source *source) {
    for (size_t i = 0; i < source->blob_count; i++)
        tp_blob_free(source->blobs[i]);
    free(source->blobs);
    tp_dictionaries_free(source->all);
    tp_rejects_free(source->rejects);
}

/* --- What the identifiers mean, by their texts alone: how a source was read must not matter ------------------------- */

typedef struct {
    const uint8_t *at;
    size_t size;
    uint32_t id;
} Identifier;

typedef struct {
    uint32_t count[KINDS];
    Identifier *sorted[KINDS];
    uint32_t *rank[KINDS]; /* by id; those of combos are from 1, 0 is none */
    uint32_t *shape[KINDS];
    uint8_t *period_note;
    Meaning meaning;
} Identifiers;

static int by_text(const void *a, const void *b) {
    const Identifier *x = a, *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = size ? memcmp(x->at, y->at, size) : 0;
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static void understand(const Source *source, uint32_t rejecting, Identifiers *i) {
    *i = (Identifiers){0};
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        const uint32_t *ends;
        const uint8_t *text = tp_dictionary_text(source->all, kind, &ends);
        uint32_t count = i->count[kind] = tp_dictionary_count(source->all, kind);
        Identifier *sorted = i->sorted[kind] = calloc(count + 1, sizeof *sorted);
        uint32_t *rank = i->rank[kind] = calloc(count + 1, sizeof *rank);
        i->shape[kind] = calloc(count + 1, sizeof **i->shape);
        for (uint32_t id = 1; id <= count; id++)
            sorted[id - 1] = (Identifier){text + ends[id - 1], ends[id] - ends[id - 1], id};
        qsort(sorted, count, sizeof *sorted, by_text);
        for (uint32_t n = 0; n < count; n++) {
            const Identifier *found = &sorted[n];
            uint8_t last = found->size ? found->at[found->size - 1] : 0;
            CHECK(!n || by_text(&sorted[n - 1], found) < 0);
            rank[found->id] = kind == PE || kind == OU ? n : n + 1;
            if ((kind == PE || kind == OU) && rejecting && last % 8 == rejecting)
                rank[found->id] = NO_RANK;
            i->shape[kind][n + 1] = found->size && found->at[0] != 'I' ? 1 + last % 3 : 0;
        }
        rank[0] = kind == PE || kind == OU ? NO_RANK : 0;
    }
    i->period_note = calloc(i->count[PE] + 1, 1);
    for (uint32_t n = 0; n < i->count[PE]; n++)
        i->period_note[i->sorted[PE][n].id] = (uint8_t)(i->sorted[PE][n].size % PERIOD_NOTES);
    i->meaning = (Meaning){.rank = {i->rank[PE], i->rank[OU], i->rank[COC], i->rank[AOC]},
                           .period_note = i->period_note,
                           .coc_shape = i->shape[COC],
                           .aoc_shape = i->shape[AOC],
                           .ds = i->rank[DS],
                           .header = {NO_RANK, NO_RANK, NO_RANK, NO_RANK},
                           .seed = SEED};
}

static void identifiers_free(Identifiers *i) {
    for (int kind = 0; kind < KINDS; kind++) {
        free(i->sorted[kind]);
        free(i->rank[kind]);
        free(i->shape[kind]);
    }
    free(i->period_note);
}

/* What a header says is an identifier like those of rows. */
static bool let_headers_stand_in(Source *source, uint32_t said, uint32_t header[KINDS]) {
    static const char *texts[KINDS] = {"", "202401", "ouClinicA01", "IcocFixed01", "IaocDonor1", "dsImmunis01"};
    for (uint32_t kind = PE; kind < KINDS; kind++)
        if (said >> kind & 1) {
            header[kind] = tp_dictionary_add(source->all, kind, (const uint8_t *)texts[kind], strlen(texts[kind]));
            if (!header[kind])
                return false;
        }
    return true;
}

/* --- Writing ------------------------------------------------------------------------------------------------------ */

typedef struct {
    uint32_t rejecting, header, tokens, followup_false, numbers, escape;
    bool grouped;
    size_t run_rows; /* runs are made of so many parts; 0: written in memory */
    size_t read_bytes, piece_bytes, adv2_block_bytes;
    uint32_t broken; /* 1: reading a run fails, 2: one is cut */
} Writing;

typedef struct {
    Text text;
    uint64_t written, superseded, different, clashing, rejected;
    bool no_memory, broken;
} Written;

static const int KIND_OF[DIMENSIONS] = {PE, OU, COC, AOC};

/* How the rows of a group are written, with what each rule of its rows is. */
typedef struct {
    Form form;
    RowRules rules;
    uint8_t *tokens;
    uint32_t *ends;
} Placed;

static void place(Used *used[DIMENSIONS], const Writing *writing, RowNumbers *numbers, Placed *placed) {
    *placed = (Placed){.form = {.followup_false = writing->followup_false, .rows = numbers},
                       .rules = {.rule = RULE_NONE, .comment_limit = 50000, .key_bytes = 1 << 20}};
    for (int d = 0; d < DIMENSIONS; d++) {
        uint64_t count;
        tp_used_settle(used[d]);
        tp_used_ranks(used[d], &count);
        if (count < 2)
            continue;
        RowRules *rules = &placed->rules;
        placed->form.index[d] = tp_used_index(used[d]);
        if (d == 2 && writing->tokens) { /* as of a combo by its options: two indexes */
            size_t at = 0;
            placed->tokens = malloc(count * 24);
            placed->ends = malloc(count * sizeof *placed->ends);
            for (uint32_t i = 0; i < count; i++) {
                at += (size_t)sprintf((char *)placed->tokens + at, "%u,%u,", i / 2, i % 2);
                placed->ends[i] = (uint32_t)at;
            }
            placed->form.tokens[d] = placed->tokens;
            placed->form.token_ends[d] = placed->ends;
            rules->sizes[rules->places++] = (uint32_t)(count + 1) / 2;
            rules->sizes[rules->places++] = 2;
        } else {
            rules->sizes[rules->places++] = (uint32_t)count;
            rules->block_places += d < 2;
        }
    }
}

static void placed_free(Placed *placed) {
    free(placed->tokens);
    free(placed->ends);
}

/* Say in the text which group follows, by what it is about. */
static void say_group(Written *written, const Identifiers *i, uint32_t de, const uint64_t key[3], Used *used[DIMENSIONS]) {
    char numbers[80];
    text_say(&written->text, "\n#");
    text_add(&written->text, i->sorted[DE][de].at, i->sorted[DE][de].size);
    sprintf(numbers, " %u %u %u", (uint32_t)key[0] ? 1 : 0, (uint32_t)key[1], (uint32_t)key[2]);
    text_say(&written->text, numbers);
    if (key[0])
        text_add(&written->text, i->sorted[DS][key[0] - 1].at, i->sorted[DS][key[0] - 1].size);
    for (int d = 0; d < DIMENSIONS; d++) {
        uint64_t count;
        const uint32_t *ranks = tp_used_ranks(used[d], &count);
        int kind = KIND_OF[d];
        for (uint64_t n = 0; n < count; n++) {
            const Identifier *found = kind == PE || kind == OU ? &i->sorted[kind][ranks[n]]
                                      : ranks[n]              ? &i->sorted[kind][ranks[n] - 1]
                                                              : NULL;
            text_say(&written->text, "|");
            if (found)
                text_add(&written->text, found->at, found->size);
        }
    }
    text_say(&written->text, "\n");
}

/* What was written is ADV2 that is accepted to the last row, and comes back from a legacy format. */
static bool read_again(const Placed *placed, const Writing *writing, const uint8_t *rows, size_t size, uint64_t count,
                       bool storable) {
    Text text = {0};
    Judged whole, parts;
    text_add(&text, rows, size);
    text_say(&text, "]");
    bool good = judge_rows(&placed->rules, text.data, text.size, SIZE_MAX, false, &whole);
    if (good) {
        CHECK(whole.fault == FAULT_NONE && whole.state == ROWS_END && whole.rows == count);
        CHECK(!storable || whole.accepted == count);
        good = write_back(&placed->rules, &whole, writing->escape, writing->grouped);
    }
    if (good && writing->adv2_block_bytes < size) {
        good = judge_rows(&placed->rules, text.data, text.size, writing->adv2_block_bytes + size / BLOCKS_MOST, false, &parts);
        CHECK(!good || same_judged(&whole, &parts));
        judged_free(&parts);
    }
    judged_free(&whole);
    text_free(&text);
    return good;
}

typedef struct {
    uint64_t key[3];
    uint64_t number, rows;
} GroupOf;

static int by_key(const void *a, const void *b) {
    const GroupOf *x = a, *y = b;
    for (int i = 0; i < 3; i++)
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static GroupOf *groups_of(const Split *split) {
    uint64_t count = tp_split_report(split)->groups;
    GroupOf *groups = calloc(count + 1, sizeof *groups);
    for (uint64_t n = 0; n < count; n++) {
        uint32_t ds, coc, aoc;
        uint64_t rows;
        tp_split_group(split, n, &ds, &coc, &aoc, &rows);
        groups[n] = (GroupOf){{ds, coc, aoc}, n, rows};
    }
    qsort(groups, count, sizeof *groups, by_key);
    return groups;
}

static void count_keys(Written *written, const Keys *keys) {
    CHECK(keys->pairs <= PAIRS && keys->fields <= FIELDS_KEPT && keys->different <= keys->superseded);
    written->superseded += keys->superseded;
    written->different += keys->different;
    written->clashing += keys->clashing;
}

static bool new_used(const Identifiers *i, Used *used[DIMENSIONS]) {
    bool good = true;
    for (int d = 0; d < DIMENSIONS; d++) {
        used[d] = tp_used_new(i->count[KIND_OF[d]] + 1);
        good &= used[d] != NULL;
    }
    return good;
}

typedef struct {
    uint8_t *data;
    size_t size;
} Part;

static void write_in_memory(const Source *source, const Identifiers *i, const Writing *writing, uint32_t de, Part *parts,
                            size_t part_count, bool storable, Written *written) {
    uint8_t **at = malloc((part_count + 1) * sizeof *at);
    uint64_t *sizes = malloc((part_count + 1) * sizeof *sizes);
    for (size_t n = 0; n < part_count; n++) {
        at[n] = parts[n].data;
        sizes[n] = parts[n].size;
    }
    Used *used[DIMENSIONS] = {0};
    RowNumbers *numbers = writing->numbers ? tp_row_numbers_new() : NULL;
    Split *split = tp_split(at, sizes, part_count, &i->meaning, tp_rejects_bits(source->rejects), false);
    written->no_memory |= !split || !new_used(i, used) || (writing->numbers && !numbers);
    GroupOf *groups = split ? groups_of(split) : NULL;
    for (uint64_t n = 0; !written->no_memory && n < tp_split_report(split)->groups; n++) {
        GroupOf *group = &groups[n];
        uint64_t size = 0, numbers_size = 0;
        bool good = true;
        if (!group->rows)
            continue;
        for (uint32_t d = 0; d < DIMENSIONS; d++) {
            tp_used_clear(used[d]);
            good &= tp_used_split(used[d], split, group->number, d) != 0;
        }
        if (!good) {
            written->no_memory = true;
            break;
        }
        Placed placed;
        place(used, writing, numbers, &placed);
        uint8_t *rows = tp_split_render(split, group->number, &placed.form, &size);
        if (rows) {
            say_group(written, i, de, group->key, used);
            text_add(&written->text, rows, size);
            written->written += group->rows;
            if (numbers)
                tp_row_numbers_take(numbers, &numbers_size);
            CHECK(!numbers || numbers_size == 8 * group->rows);
            good = read_again(&placed, writing, rows, size, group->rows, storable);
        }
        written->no_memory |= !rows || !good;
        tp_bytes_free(rows);
        placed_free(&placed);
    }
    if (split) {
        written->rejected += tp_split_report(split)->rejected;
        count_keys(written, &tp_split_report(split)->keys);
    }
    free(groups);
    for (int d = 0; d < DIMENSIONS; d++)
        tp_used_free(used[d]);
    tp_row_numbers_free(numbers);
    tp_split_free(split);
    free(at);
    free(sizes);
}

/* Runs of one data element, and those of the group that is being merged. */
typedef struct {
    GroupOf group;
    uint8_t *data;
    size_t size;
    uint32_t *ranks[DIMENSIONS];
    uint64_t counts[DIMENSIONS];
} SortedRun;

static struct {
    const SortedRun *run;
    size_t at[256], read_bytes;
    uint32_t broken;
    bool is_broken;
} reading; /* a callback has no other way to it */

static int64_t read_run(uint32_t run, uint8_t *buffer, uint64_t size) {
    const SortedRun *from = &reading.run[run];
    size_t left = from->size - reading.at[run], give = left < reading.read_bytes ? left : reading.read_bytes;
    if (reading.broken && reading.at[run] >= from->size / 2 && from->size) {
        reading.is_broken = true;
        if (reading.broken == 1)
            return -1;
        give = give > 24 ? 24 : 0; /* the 24 bytes are within a row */
        if (reading.at[run] > from->size / 2)
            return 0;
    }
    give = give < size ? give : size;
    memcpy(buffer, from->data + reading.at[run], give);
    reading.at[run] += give;
    return (int64_t)give;
}

static void merge_runs(const Source *source, const Identifiers *i, const Writing *writing, uint32_t de, const SortedRun *runs,
                       size_t count, bool survey, bool storable, Used *used[DIMENSIONS], Written *written) {
    Keys keys = {0};
    uint64_t rows = 0, size = 0;
    Text body = {0};
    RowNumbers *numbers = writing->numbers ? tp_row_numbers_new() : NULL;
    reading.run = runs;
    reading.read_bytes = writing->read_bytes;
    reading.broken = writing->broken;
    reading.is_broken = false;
    memset(reading.at, 0, sizeof reading.at);
    bool good = !writing->numbers || numbers;
    for (int d = 0; d < DIMENSIONS; d++)
        tp_used_clear(used[d]);
    Merge *merge = good ? tp_merge_new((uint32_t)count, read_run, tp_rejects_bits(source->rejects)) : NULL;
    good &= merge != NULL;
    if (good && survey) {
        good = tp_merge_survey(merge, used) != 0;
        memset(reading.at, 0, sizeof reading.at);
        good = good && tp_merge_rewind(merge);
    } else if (good) {
        for (size_t n = 0; n < count; n++)
            for (int d = 0; d < DIMENSIONS; d++)
                good &= tp_used_add(used[d], (const uint8_t *)runs[n].ranks[d], runs[n].counts[d]) != 0;
    }
    Placed placed = {0};
    if (good)
        place(used, writing, numbers, &placed);
    while (good) {
        const uint8_t *piece = tp_merge_next(merge, &placed.form, writing->piece_bytes, &size, &rows, &keys);
        good = piece != NULL;
        if (!good || !size)
            break;
        text_add(&body, piece, size);
    }
    if (good && rows) {
        say_group(written, i, de, runs->group.key, used);
        text_add(&written->text, body.data, body.size);
        good = read_again(&placed, writing, body.data, body.size, rows, storable);
    }
    CHECK(!good || !reading.is_broken || reading.broken == 2); /* a cut between two rows looks like an end */
    written->broken |= reading.is_broken;
    written->no_memory |= !good && !reading.is_broken;
    written->written += rows;
    count_keys(written, &keys);
    placed_free(&placed);
    text_free(&body);
    tp_merge_free(merge);
    tp_row_numbers_free(numbers);
}

static int by_group(const void *a, const void *b) { return by_key(&((const SortedRun *)a)->group, &((const SortedRun *)b)->group); }

static void write_by_runs(const Source *source, const Identifiers *i, const Writing *writing, uint32_t de, Part *parts,
                          size_t part_count, bool storable, Written *written) {
    SortedRun *runs = NULL;
    size_t run_count = 0;
    bool survey = false;
    Used *used[DIMENSIONS] = {0};
    written->no_memory |= !new_used(i, used);
    for (size_t from = 0; from < part_count && !written->no_memory; from += writing->run_rows) {
        size_t many = part_count - from < writing->run_rows ? part_count - from : writing->run_rows;
        uint8_t **at = malloc(many * sizeof *at);
        uint64_t *sizes = malloc(many * sizeof *sizes);
        for (size_t n = 0; n < many; n++) {
            at[n] = parts[from + n].data;
            sizes[n] = parts[from + n].size;
        }
        Split *split = tp_split(at, sizes, many, &i->meaning, tp_rejects_bits(source->rejects), true);
        free(at);
        free(sizes);
        if (!split) {
            written->no_memory = true;
            break;
        }
        survey |= tp_split_report(split)->has_left_out != 0;
        written->rejected += tp_split_report(split)->rejected;
        GroupOf *groups = groups_of(split);
        for (uint64_t n = 0; n < tp_split_report(split)->groups && !written->no_memory; n++) {
            uint64_t size = 0;
            uint8_t *data = tp_split_run(split, groups[n].number, &size);
            if (!data) {
                written->no_memory = true;
                break;
            }
            runs = realloc(runs, (run_count + 1) * sizeof *runs);
            SortedRun *run = &runs[run_count++];
            *run = (SortedRun){groups[n], exactly(data, size), size, {0}, {0}};
            run->group.number = run_count;
            tp_bytes_free(data);
            for (uint32_t d = 0; d < DIMENSIONS; d++) {
                tp_used_clear(used[d]);
                written->no_memory |= !tp_used_split(used[d], split, groups[n].number, d);
                const uint32_t *ranks = tp_used_ranks(used[d], &run->counts[d]);
                run->ranks[d] = (uint32_t *)(void *)exactly(ranks, run->counts[d] * sizeof *ranks);
            }
        }
        free(groups);
        tp_split_free(split);
    }
    if (run_count)
        qsort(runs, run_count, sizeof *runs, by_group);
    for (size_t from = 0, to; from < run_count && !written->no_memory; from = to) {
        to = from + 1;
        while (to < run_count && !memcmp(runs[from].group.key, runs[to].group.key, sizeof runs->group.key))
            to++;
        if (to - from <= 256)
            merge_runs(source, i, writing, de, &runs[from], to - from, survey, storable, used, written);
    }
    for (size_t n = 0; n < run_count; n++) {
        free(runs[n].data);
        for (int d = 0; d < DIMENSIONS; d++)
            free(runs[n].ranks[d]);
    }
    free(runs);
    for (int d = 0; d < DIMENSIONS; d++)
        tp_used_free(used[d]);
}

/* Write a source. A split changes what it reads, so that each writing has copies. */
static void write_source(Source *source, const Writing *writing, bool storable, Written *written) {
    uint32_t header[KINDS] = {0};
    Identifiers i;
    *written = (Written){0};
    if (!let_headers_stand_in(source, writing->header, header)) {
        written->no_memory = true;
        return;
    }
    understand(source, writing->rejecting, &i);
    for (int d = 0; d < DIMENSIONS; d++)
        if (header[KIND_OF[d]])
            i.meaning.header[d] = i.rank[KIND_OF[d]][header[KIND_OF[d]]];
    i.meaning.header_ds = i.rank[DS][header[DS]];
    for (uint32_t de = 0; de < i.count[DE] && !written->no_memory && !written->broken; de++) {
        Part *parts = calloc(source->blob_count + 1, sizeof *parts);
        size_t count = 0;
        for (size_t b = 0; b < source->blob_count; b++) {
            const Blob *blob = source->blobs[b];
            for (uint64_t s = 0; s < blob->segments; s++)
                if (blob->des[s] == i.sorted[DE][de].id) {
                    size_t size = blob->starts[s + 1] - blob->starts[s];
                    parts[count++] = (Part){exactly(blob->data + blob->starts[s], size), size};
                }
        }
        if (count && writing->run_rows)
            write_by_runs(source, &i, writing, de, parts, count, storable, written);
        else if (count)
            write_in_memory(source, &i, writing, de, parts, count, storable, written);
        for (size_t n = 0; n < count; n++)
            free(parts[n].data);
        free(parts);
    }
    identifiers_free(&i);
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static bool same_rejects(const Source *a, const Source *b) {
    for (uint64_t row = 0;; row++) {
        uint64_t x = tp_rejects_next(a->rejects, row), y = tp_rejects_next(b->rejects, row);
        if (x != y)
            return false;
        if (x == UINT64_MAX)
            return true;
        row = x;
    }
}

static void count_lines(const uint8_t *data, size_t size, size_t block_bytes, uint32_t delimiter) {
    Lines whole = {.delimiter = delimiter}, parts = whole;
    tp_lines_count(&whole, data, size);
    for (size_t at = 0, part; at < size; at += part) {
        part = size - at < block_bytes ? size - at : block_bytes;
        tp_lines_count(&parts, data + at, part);
    }
    CHECK(!memcmp(&whole, &parts, sizeof whole));
    CHECK(whole.records <= whole.lines);
}

int drive(enum Format format, Input *input, const Layout *layout) {
    Way whole = {format, layout, choose(input, 2), SIZE_MAX, false}, parts = whole;
    parts.block_bytes = 1 + (choose(input, 2) ? choose(input, 64) : choose(input, 2048));
    parts.guesses = choose(input, 2);
    if (parts.block_bytes < input->size / BLOCKS_MOST)
        parts.block_bytes = input->size / BLOCKS_MOST;
    Writing at_once = {.rejecting = choose(input, 8), .header = choose(input, 4) ? 0 : choose(input, 64)};
    at_once.tokens = choose(input, 2);
    at_once.followup_false = choose(input, 2);
    at_once.numbers = choose(input, 2);
    at_once.escape = choose(input, 3);
    at_once.grouped = choose(input, 2);
    at_once.adv2_block_bytes = 1 + choose(input, 200);
    Writing by_runs = at_once;
    by_runs.run_rows = 1 + choose(input, 3);
    by_runs.read_bytes = 1 + choose(input, 65536);
    by_runs.piece_bytes = 1 + choose(input, 200);
    by_runs.broken = choose(input, 8) < 2 ? choose(input, 3) : 0;
    bool fails = allocations_may_fail(input), storable = format != FORMAT_TUPLES;
    Source one, many;
    Written memory = {0}, runs = {0};
    count_lines(input->data, input->size, parts.block_bytes, layout ? layout->delimiter : 0);
    read_source(&whole, input->data, input->size, &one);
    read_source(&parts, input->data, input->size, &many);
    CHECK(fails || (!one.no_memory && !many.no_memory));
    bool good = !one.no_memory && !many.no_memory;
    if (good) {
        CHECK(one.fault == many.fault);
        good = !one.fault;
    }
    if (good) {
        CHECK(one.rows == many.rows && one.rejected == many.rejected && one.names == many.names);
        CHECK(!memcmp(one.counted, many.counted, sizeof one.counted));
        CHECK(!memcmp(one.first, many.first, sizeof one.first));
        write_source(&one, &at_once, storable, &memory);
        write_source(&many, &by_runs, storable, &runs);
        good = !memory.no_memory && !runs.no_memory && !runs.broken;
        CHECK(fails || runs.broken || good);
    }
    if (good) {
        uint64_t packed = memory.written + memory.superseded + memory.clashing + memory.rejected;
        CHECK(packed + one.rejected == one.rows);
        CHECK(memory.text.size == runs.text.size);
        CHECK(!memory.text.size || !memcmp(memory.text.data, runs.text.data, runs.text.size));
        CHECK(memory.written == runs.written && memory.superseded == runs.superseded);
        CHECK(memory.different == runs.different && memory.clashing == runs.clashing);
        CHECK(memory.rejected == runs.rejected && same_rejects(&one, &many));
    }
    text_free(&memory.text);
    text_free(&runs.text);
    source_free(&one);
    source_free(&many);
    input_free(input);
    all_is_freed();
    return 0;
}
