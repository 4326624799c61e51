/* Row batches: their memory, and how they are handed over by the Arrow C data interface.
 *
 * What is exported copies no column: it holds the batch, and each part of it may be moved and released by itself, on any
 * thread.
 */
#include "arrow.h"
#include "row_batch.h"

#include <errno.h>
#include <stdlib.h>

#define ALIGNMENT 64 /* what Arrow recommends for columns */

static size_t aligned(size_t size) { return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/* --- Memory -------------------------------------------------------------------------------------------------------- */

/* Cut the next column from a region; with none to cut from, only its size is counted. */
static void *cut(uint8_t *region, size_t *used, size_t size) {
    void *column = region ? region + *used : NULL;
    *used += aligned(size);
    return column;
}

static size_t lay_out(RowBatch *batch, uint8_t *region) {
    uint64_t rows = batch->rows, bits = rows / 8 + 1;
    size_t used = 0;
    batch->number = cut(region, &used, rows * sizeof *batch->number);
    batch->index = cut(region, &used, rows * batch->places * sizeof *batch->index);
    for (uint32_t t = 0; t < batch->texts; t++) {
        batch->text[t].ends = cut(region, &used, (rows + 1) * sizeof *batch->text[t].ends);
        batch->text[t].given = cut(region, &used, bits);
    }
    if (batch->texts) {
        batch->deleted = cut(region, &used, bits);
        batch->followup = cut(region, &used, bits);
        batch->followup_given = cut(region, &used, bits);
    }
    return used;
}

RowBatch *row_batch_new(uint64_t rows, uint32_t places, uint32_t texts) {
    RowBatch measured = {.rows = rows, .places = places, .texts = texts};
    size_t head = aligned(sizeof(RowBatch)), size = head + lay_out(&measured, NULL) + ALIGNMENT;
    RowBatch *batch = malloc(size);
    if (!batch)
        return NULL;
    *batch = (RowBatch){.rows = rows, .places = places, .texts = texts, .size_bytes = size, .followup_nulls = rows};
    atomic_init(&batch->holders, 1);
    lay_out(batch, (uint8_t *)aligned((uintptr_t)batch + sizeof(RowBatch)));
    uint64_t bits = rows / 8 + 1;
    for (uint32_t t = 0; t < texts; t++) {
        batch->text[t].ends[0] = 0;
        batch->text[t].nulls = t == TEXT_VALUE ? 0 : rows;
        memset(batch->text[t].given, t == TEXT_VALUE ? 0xFF : 0, bits);
    }
    if (texts) {
        memset(batch->deleted, 0, bits);
        memset(batch->followup, 0, bits);
        memset(batch->followup_given, 0, bits);
    }
    return batch;
}

bool row_batch_finish(RowBatch *batch, const Bytes *texts) {
    size_t size = 0;
    for (uint32_t t = 0; t < batch->texts; t++)
        size += texts[t].size;
    uint8_t *to = batch->text_data = malloc(size + 1);
    if (!to)
        return false;
    for (uint32_t t = 0; t < batch->texts; t++) {
        batch->text[t].data = to;
        if (texts[t].size)
            memcpy(to, texts[t].data, texts[t].size);
        to += texts[t].size;
    }
    batch->size_bytes += size;
    return true;
}

void row_batch_hold(RowBatch *batch) { atomic_fetch_add_explicit(&batch->holders, 1, memory_order_relaxed); }

/* Let go of a batch: the last holder frees it. */
void tp_row_batch_free(RowBatch *batch) {
    if (!batch || atomic_fetch_sub_explicit(&batch->holders, 1, memory_order_acq_rel) != 1)
        return;
    free(batch->text_data);
    free(batch);
}

uint64_t tp_row_batch_rows(const RowBatch *batch) { return batch->rows; }

uint64_t tp_row_batch_size(const RowBatch *batch) { return batch->size_bytes; }

const int64_t *tp_row_batch_numbers(const RowBatch *batch) { return batch->number; }

const int32_t *tp_row_batch_indexes(const RowBatch *batch, uint32_t place) { return index_column(batch, place); }

const uint8_t *tp_row_batch_texts(const RowBatch *batch, uint32_t column, const int32_t **ends,
                                         const uint8_t **given) {
    *ends = batch->text[column].ends;
    *given = batch->text[column].nulls ? batch->text[column].given : NULL;
    return batch->text[column].data;
}

const uint8_t *tp_row_batch_flags(const RowBatch *batch, uint32_t followup, const uint8_t **given) {
    *given = followup ? batch->followup_given : NULL;
    return followup ? batch->followup : batch->deleted;
}

/* --- The Arrow C data interface --------------------------------------------------------------------------------------- */

#define BUFFERS 3

#define NO_PLACE (-1)

static uint32_t column_count(const Columns *columns) { return 1 + columns->indexes + FLAG_COLUMNS + columns->texts; }

/* What the parts of something exported share, for as long as any of them is there. */
typedef struct {
    atomic_uint holders;
    RowBatch *batch;
    int32_t *zeros; /* the column of an index that is always 0 */
} Shared;

static void let_go(Shared *shared) {
    if (atomic_fetch_sub_explicit(&shared->holders, 1, memory_order_acq_rel) != 1)
        return;
    tp_row_batch_free(shared->batch);
    free(shared->zeros);
    free(shared);
}

static void release_schema(ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
    schema->release = NULL;
    let_go(schema->private_data);
}

static void release_array(ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
    array->release = NULL;
    let_go(array->private_data);
}

static bool export_schema(const Columns *columns, ArrowSchema *out) {
    uint32_t count = column_count(columns);
    struct {
        Shared shared;
        ArrowSchema *children[];
    } *made = calloc(1, sizeof *made + count * (sizeof(ArrowSchema *) + sizeof(ArrowSchema)) + columns->names_size);
    if (!made)
        return false;
    atomic_init(&made->shared.holders, count + 1);
    ArrowSchema *child = (ArrowSchema *)(made->children + count);
    char *name = (char *)(child + count);
    memcpy(name, columns->names, columns->names_size);
    for (uint32_t i = 0; i < count; i++, name += strlen(name) + 1) {
        bool is_key = i <= columns->indexes;
        uint32_t behind = i - columns->indexes - 1; /* value, deleted, followup, then texts */
        child[i] = (ArrowSchema){.format = i == 0                                             ? "l"
                                           : is_key                                           ? "i"
                                           : behind >= 1 && behind <= FLAG_COLUMNS            ? "b"
                                                                                              : "u",
                                 .name = name,
                                 .flags = is_key ? 0 : ARROW_FLAG_NULLABLE,
                                 .release = release_schema,
                                 .private_data = made};
        made->children[i] = &child[i];
    }
    *out = (ArrowSchema){.format = "+s",
                         .name = "",
                         .n_children = count,
                         .children = made->children,
                         .release = release_schema,
                         .private_data = made};
    return true;
}

static bool export_array(RowBatch *batch, const Columns *columns, ArrowArray *out) {
    uint32_t count = column_count(columns);
    struct {
        Shared shared;
        ArrowArray *children[];
    } *made = calloc(1, sizeof *made + count * (sizeof(ArrowArray *) + sizeof(ArrowArray) + BUFFERS * sizeof(void *)) +
                            sizeof(void *));
    if (!made)
        return false;
    bool has_zeros = false;
    for (uint32_t i = 0; i < columns->indexes; i++)
        has_zeros |= columns->places[i] == NO_PLACE;
    if (has_zeros && !(made->shared.zeros = calloc(batch->rows + 1, sizeof *made->shared.zeros))) {
        free(made);
        return false;
    }
    row_batch_hold(batch);
    made->shared.batch = batch;
    atomic_init(&made->shared.holders, count + 1);
    ArrowArray *child = (ArrowArray *)(made->children + count);
    const void **buffer = (const void **)(child + count);
    for (uint32_t i = 0; i < count; i++, buffer += BUFFERS) {
        ArrowArray array = {.length = (int64_t)batch->rows,
                            .n_buffers = 2,
                            .buffers = buffer,
                            .release = release_array,
                            .private_data = made};
        uint32_t behind = i - columns->indexes - 1;
        if (i == 0) {
            buffer[1] = batch->number;
        } else if (i <= columns->indexes) {
            int32_t place = columns->places[i - 1];
            buffer[1] = place == NO_PLACE ? made->shared.zeros : index_column(batch, (uint32_t)place);
        } else if (behind >= 1 && behind <= FLAG_COLUMNS) {
            bool is_deleted = behind == 1;
            array.null_count = is_deleted ? 0 : (int64_t)batch->followup_nulls;
            buffer[0] = array.null_count ? batch->followup_given : NULL;
            buffer[1] = is_deleted ? batch->deleted : batch->followup;
        } else {
            const TextColumn *text = &batch->text[behind ? behind - FLAG_COLUMNS : TEXT_VALUE];
            array.n_buffers = 3;
            array.null_count = (int64_t)text->nulls;
            buffer[0] = text->nulls ? text->given : NULL;
            buffer[1] = text->ends;
            buffer[2] = text->data;
        }
        child[i] = array;
        made->children[i] = &child[i];
    }
    *out = (ArrowArray){.length = (int64_t)batch->rows,
                        .n_buffers = 1,
                        .n_children = count,
                        .buffers = buffer, /* behind those of the columns: no bits for rows that are null as a whole */
                        .children = made->children,
                        .release = release_array,
                        .private_data = made};
    return true;
}

/* A stream of batches that are all there. */
typedef struct {
    Columns columns;
    uint64_t count, next;
    bool failed;
    RowBatch *batch[]; /* then the columns' places and names */
} Stream;

static int next_schema(ArrowArrayStream *arrow, ArrowSchema *out) {
    Stream *stream = arrow->private_data;
    stream->failed = !export_schema(&stream->columns, out);
    return stream->failed ? ENOMEM : 0;
}

static int next_array(ArrowArrayStream *arrow, ArrowArray *out) {
    Stream *stream = arrow->private_data;
    if (stream->next == stream->count) {
        *out = (ArrowArray){0}; /* the end */
        return 0;
    }
    stream->failed = !export_array(stream->batch[stream->next], &stream->columns, out);
    if (stream->failed)
        return ENOMEM;
    tp_row_batch_free(stream->batch[stream->next++]); /* the array holds it now */
    return 0;
}

static const char *last_error(ArrowArrayStream *arrow) {
    return ((const Stream *)arrow->private_data)->failed ? "out of memory" : NULL;
}

static void release_stream(ArrowArrayStream *arrow) {
    Stream *stream = arrow->private_data;
    while (stream->next < stream->count)
        tp_row_batch_free(stream->batch[stream->next++]);
    free(stream);
    arrow->release = NULL;
}

static bool export_stream(RowBatch *const *batches, uint64_t count, const Columns *columns, ArrowArrayStream *out) {
    size_t places = columns->indexes * sizeof *columns->places;
    Stream *stream = calloc(1, sizeof *stream + count * sizeof *batches + places + columns->names_size);
    if (!stream)
        return false;
    int32_t *place = (int32_t *)(stream->batch + count);
    char *names = (char *)(place + columns->indexes);
    if (places)
        memcpy(place, columns->places, places);
    memcpy(names, columns->names, columns->names_size);
    stream->columns = *columns;
    stream->columns.places = place;
    stream->columns.names = names;
    stream->count = count;
    for (uint64_t i = 0; i < count; i++) {
        stream->batch[i] = batches[i];
        row_batch_hold(batches[i]);
    }
    *out = (ArrowArrayStream){next_schema, next_array, last_error, release_stream, stream};
    return true;
}

/* --- Capsules --------------------------------------------------------------------------------------------------------- */

/* Python wraps each structure into a capsule; one whose content nobody has taken is released with it. What frees a capsule
 * may run while the interpreter raises an error, so it calls no Python code, only the function that opens capsules: the
 * interpreter's, of which there is one a process. */
static OpenCapsule open_capsule;

void tp_capsules_by(OpenCapsule opens) { open_capsule = opens; }

static const char *capsule_name(uint32_t kind) {
    static const char *const names[] = {"arrow_schema", "arrow_array", "arrow_array_stream"};
    return names[kind];
}

const void *tp_capsule_name(uint32_t kind) { return capsule_name(kind); }

void tp_schema_capsule_free(void *capsule) {
    ArrowSchema *schema = open_capsule(capsule, capsule_name(CAPSULE_SCHEMA));
    if (schema->release)
        schema->release(schema);
    free(schema);
}

void tp_array_capsule_free(void *capsule) {
    ArrowArray *array = open_capsule(capsule, capsule_name(CAPSULE_ARRAY));
    if (array->release)
        array->release(array);
    free(array);
}

void tp_stream_capsule_free(void *capsule) {
    ArrowArrayStream *stream = open_capsule(capsule, capsule_name(CAPSULE_STREAM));
    if (stream->release)
        stream->release(stream);
    free(stream);
}

/* A structure for a capsule of its own; NULL: out of memory. */
void *tp_arrow_schema(const Columns *columns) {
    ArrowSchema *schema = malloc(sizeof *schema);
    if (schema && export_schema(columns, schema))
        return schema;
    free(schema);
    return NULL;
}

void *tp_arrow_array(RowBatch *batch, const Columns *columns) {
    ArrowArray *array = malloc(sizeof *array);
    if (array && export_array(batch, columns, array))
        return array;
    free(array);
    return NULL;
}

void *tp_arrow_stream(RowBatch *const *batches, uint64_t count, const Columns *columns) {
    ArrowArrayStream *stream = malloc(sizeof *stream);
    if (stream && export_stream(batches, count, columns, stream))
        return stream;
    free(stream);
    return NULL;
}
