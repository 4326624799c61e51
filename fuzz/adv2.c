/* ADV2 of anybody: the head of a group in blocks that grow, then its rows in blocks; and rows by rules that the input
 * settles, which come out the same whatever the blocks. */
#include "chain.h"

/* Read a head as Python does; returns where its rows begin, 0 where none do. */
static size_t read_head(const uint8_t *data, size_t size, size_t block_bytes, bool *good) {
    size_t rows_at = 0;
    for (size_t given = block_bytes < size ? block_bytes : size;;) {
        bool final = given == size;
        Batch *batch = tp_batch_new(SEED);
        *good = batch != NULL;
        if (!batch)
            return 0;
        uint8_t *block = exactly(data, given);
        tp_scan_head(batch, block, given, final);
        const BatchReport *report = tp_batch_report(batch);
        bool needs_more = report->fault == FAULT_NEED_MORE;
        *good = report->fault != FAULT_NO_MEMORY;
        CHECK(report->consumed <= given && report->fault_at <= given && !(needs_more && final));
        for (uint64_t i = 0; i < report->property_count; i++) {
            const Property *p = &report->properties[i];
            CHECK((uint64_t)p->key_at + p->key_size <= given && (uint64_t)p->value_at + p->value_size <= given);
        }
        rows_at = !report->fault && report->state == 1 ? report->consumed : 0;
        tp_batch_free(batch);
        free(block);
        if (!*good || !needs_more)
            return rows_at;
        given = given * 2 < size ? given * 2 : size;
    }
}

static RowRules choose_rules(Input *input, uint8_t refused[8]) {
    static const uint32_t places[] = {1, 2, 3, 3, 4, 5, 8, 13}, sizes[] = {2, 3, 5, 200, 3, 2000000000u, 11, 2};
    static const int64_t bounds[][2] = {{INT32_MIN, INT32_MAX}, {1, INT32_MAX}, {0, 1}, {-1, 0}, {0, 100}};
    RowRules rules = {.places = choose(input, 3) ? places[choose(input, 8)] : 0, .comment_limit = 20};
    for (uint32_t i = 0; i < rules.places; i++)
        rules.sizes[i] = sizes[choose(input, 8)];
    rules.block_places = choose(input, 3);
    rules.block_places = rules.block_places < rules.places ? rules.block_places : rules.places;
    rules.rule = choose(input, 5);
    uint32_t bound = choose(input, 5);
    rules.minimum = bounds[bound][0];
    rules.maximum = bounds[bound][1];
    rules.judges_comments = choose(input, 2);
    rules.comment_limit += choose(input, 2);
    rules.restores = choose(input, 4) == 1;
    rules.apart = choose(input, 2);
    rules.key_bytes = choose(input, 4) == 1 ? choose(input, 256) : 1 << 20;
    if (rules.places && choose(input, 4) == 1) {
        memset(refused, 0, 8);
        refused[choose(input, 2)] = 1;
        if (rules.sizes[0] <= 8)
            rules.refused[0] = refused;
    }
    return rules;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input = input_of(data, size);
    uint8_t refused[8];
    RowRules rules = choose_rules(&input, refused);
    size_t block_bytes = 1 + choose(&input, 2048) + input.size / 64;
    uint32_t escape = choose(&input, 3);
    bool asks = choose(&input, 2), grouped = choose(&input, 2), has_head = choose(&input, 2);
    bool fails = allocations_may_fail(&input), good = true;
    size_t at = has_head ? read_head(input.data, input.size, block_bytes, &good) : 0;
    Judged whole = {0}, parts = {0};
    good = good && judge_rows(&rules, input.data + at, input.size - at, SIZE_MAX, asks, &whole) &&
           judge_rows(&rules, input.data + at, input.size - at, block_bytes, asks, &parts);
    if (good && whole.fault != FAULT_MANY_KEYS && parts.fault != FAULT_MANY_KEYS) {
        CHECK(whole.fault == parts.fault);
        CHECK(whole.fault || same_judged(&whole, &parts));
    }
    if (good && !whole.fault && !rules.restores)
        good = write_back(&rules, choose(&input, 2) ? &whole : &parts, escape, grouped);
    CHECK(good || fails);
    judged_free(&whole);
    judged_free(&parts);
    input_free(&input);
    all_is_freed();
    return 0;
}
