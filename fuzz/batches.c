/* Rows in batches: joined by pieces that the input settles, and handed over by the Arrow C data interface, whose parts are
 * moved and released in any order. */
#include "arrow.h"
#include "chain.h"

static void *open_capsule(void *capsule, const char *name) {
    CHECK(name[0] == 'a');
    return capsule;
}

static bool bit(const void *bits, int64_t at) { return ((const uint8_t *)bits)[at / 8] >> at % 8 & 1; }

/* Read all of a column, as its format says it lies. */
static void read_column(const ArrowSchema *schema, const ArrowArray *array) {
    int64_t nulls = 0, sum = 0;
    CHECK(array->n_buffers == (schema->format[0] == 'u' ? 3 : 2) && array->offset == 0 && array->n_children == 0);
    CHECK(!array->null_count || (array->buffers[0] && schema->flags & 2));
    for (int64_t row = 0; row < array->length; row++) {
        nulls += array->buffers[0] && !bit(array->buffers[0], row);
        if (schema->format[0] == 'u') {
            const int32_t *ends = array->buffers[1];
            CHECK(ends[row] <= ends[row + 1]);
            for (int32_t at = ends[row]; at < ends[row + 1]; at++)
                sum += ((const uint8_t *)array->buffers[2])[at];
        } else {
            sum += schema->format[0] == 'l'   ? ((const int64_t *)array->buffers[1])[row]
                   : schema->format[0] == 'i' ? ((const int32_t *)array->buffers[1])[row]
                                              : bit(array->buffers[1], row);
        }
    }
    CHECK(nulls == array->null_count && sum >= 0);
}

/* Move a column out of its parent, as the interface allows; the parent may go before it does. */
static ArrowArray moved(ArrowArray *from) {
    ArrowArray column = *from;
    from->release = NULL;
    return column;
}

static void read_array(const ArrowSchema *schema, ArrowArray *array, uint32_t taken) {
    CHECK(schema->n_children == array->n_children && array->n_children > taken);
    ArrowArray column = moved(array->children[taken]);
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release)
            read_column(schema->children[i], array->children[i]);
    array->release(array);
    read_column(schema->children[taken], &column);
    column.release(&column);
}

/* By capsules: of those the content may be taken, or is released with them. */
static bool hand_over(const RowRules *rules, const Judged *judged, uint32_t taken, bool has_zeros) {
    static const char names[] = "row\0i1\0i2\0i3\0i4\0value\0deleted\0followup\0comment\0stored_by\0created\0updated\0";
    int32_t places[4];
    Columns columns = {rules->places + has_zeros, rules->restores ? 5 : 2, places, names, sizeof names};
    for (uint32_t i = 0; i < columns.indexes; i++)
        places[i] = has_zeros ? (int32_t)i - 1 : (int32_t)i;
    Text skipped = {0}; /* the names that these columns have: those of the indexes there are not are left out */
    const char *name = names;
    for (uint32_t i = 0; i < 12; i++, name += strlen(name) + 1)
        if (i <= columns.indexes || i > 4)
            text_add(&skipped, name, strlen(name) + 1);
    columns.names = (const char *)skipped.data;
    columns.names_size = skipped.size;
    tp_capsules_by(open_capsule);
    ArrowSchema *schema = tp_arrow_schema(&columns);
    ArrowArrayStream *stream = tp_arrow_stream(judged->batches, judged->batch_count, &columns);
    ArrowArray *array = judged->batch_count ? tp_arrow_array(judged->batches[0], &columns) : NULL;
    bool good = schema && stream && (array || !judged->batch_count);
    if (good && array)
        read_array(schema, array, taken % (uint32_t)schema->n_children);
    for (bool ended = false; good && !ended;) {
        ArrowArray next = {0};
        ArrowSchema again;
        good = stream->get_schema(stream, &again) == 0;
        if (good)
            again.release(&again);
        good = good && stream->get_next(stream, &next) == 0;
        CHECK(good || stream->get_last_error(stream));
        ended = !next.release || taken > 200; /* or the rest is never asked for */
        if (next.release)
            read_array(schema, &next, taken % (uint32_t)schema->n_children);
    }
    if (schema)
        tp_schema_capsule_free(schema);
    if (array)
        tp_array_capsule_free(array);
    if (stream)
        tp_stream_capsule_free(stream);
    text_free(&skipped);
    return good;
}

/* Pieces of any kinds, in any order. */
static bool join(Input *input, const RowRules *rules, const Judged *judged) {
    static const uint8_t text[] = "<a b=\"\"/>\n\",;{}0123456789";
    uint32_t escape = choose(input, 3), count = 1 + choose(input, 12), group_pieces = choose(input, 3);
    uint64_t sizes[PLACES_LIMIT], size;
    for (uint32_t i = 0; i < rules->places; i++)
        sizes[i] = rules->sizes[i];
    Join *joined = tp_join_new(escape, rules->places, sizes, group_pieces < count ? group_pieces : count, text, 3);
    bool good = joined != NULL;
    for (uint32_t i = 0; good && i < count; i++) {
        uint32_t kind = choose(input, 7), from = 0, to = 0, texts = 1;
        if (!kind) {
            from = choose(input, rules->places + 1);
            to = from + choose(input, rules->places - from + 1);
        }
        for (uint32_t place = from; place < to; place++)
            texts *= rules->sizes[place];
        texts = kind ? 4 : texts;
        uint64_t ends[300] = {0};
        uint8_t stated[300];
        for (uint32_t n = 0; n < texts; n++) {
            ends[n + 1] = ends[n] + (ends[n] < 20 ? (n + i) % 2 : 0);
            stated[n] = n % 5 != 4;
        }
        good = tp_join_piece(joined, kind, from, to - from, texts, text, ends, stated);
    }
    for (size_t i = 0; good && i < judged->batch_count; i++)
        for (uint64_t row = 0, before = 0; good && row < tp_row_batch_rows(judged->batches[i]); before = row) {
            good = tp_join_rows(joined, judged->batches[i], &row, &size) != NULL;
            CHECK(!good || row > before);
        }
    if (good) {
        const JoinReport *report = tp_join_report(joined);
        CHECK(report->written + report->left_out == judged->accepted && report->misread <= report->written);
        CHECK(tp_join_end(joined) <= 1);
    }
    tp_join_free(joined);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input = input_of(data, size);
    RowRules rules = {.places = choose(&input, 4), .block_places = choose(&input, 3), .comment_limit = 60000};
    for (uint32_t i = 0; i < rules.places; i++)
        rules.sizes[i] = 1 + choose(&input, 6);
    rules.block_places = rules.block_places < rules.places ? rules.block_places : rules.places;
    rules.restores = choose(&input, 4) == 1;
    rules.key_bytes = 1 << 20;
    size_t block_bytes = 1 + choose(&input, 300) + input.size / 64;
    uint32_t taken = choose(&input, 256);
    bool has_zeros = choose(&input, 2), fails = allocations_may_fail(&input);
    Judged judged = {0};
    bool good = judge_rows(&rules, input.data, input.size, block_bytes, false, &judged) &&
                hand_over(&rules, &judged, taken, has_zeros) && (judged.fault || join(&input, &rules, &judged));
    CHECK(good || fails);
    judged_free(&judged);
    input_free(&input);
    all_is_freed();
    return 0;
}
