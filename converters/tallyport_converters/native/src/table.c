/* Tables: rows of a batch spelled out, each index by the text or the day that it stands for, in columns of Arrow.
 *
 * Each column is memory of its own: what a user drops is freed, and nothing of the batch is kept.
 */
#include "arrow.h"
#include "number.h"
#include "row_batch.h"

#include <errno.h>
#include <stdlib.h>

#define INLINE_BYTES 12 /* of a text that its view has room for */
#define BUFFERS 4

/* A text as Arrow's views have it: short ones whole, of others the beginning and where they are. */
typedef struct {
    int32_t size;
    union {
        uint8_t whole[INLINE_BYTES];
        struct {
            uint8_t head[4];
            int32_t buffer, at;
        } far;
    };
} View;

struct Entries {
    atomic_uint holders;
    uint64_t count;
    uint8_t *given; /* a byte each; NULL: all are */
    int32_t *days;
    View *views;
    int32_t *ends;
    uint8_t *text;
    int64_t far_bytes; /* of the text, if views reach into it */
};

static View view_of(const uint8_t *text, int32_t size, int32_t at) {
    View view = {.size = size};
    if (size <= INLINE_BYTES) {
        memcpy(view.whole, text, (size_t)size);
    } else {
        memcpy(view.far.head, text, sizeof view.far.head);
        view.far.at = at;
    }
    return view;
}

void tp_entries_free(Entries *entries) {
    if (!entries || atomic_fetch_sub_explicit(&entries->holders, 1, memory_order_acq_rel) != 1)
        return;
    free(entries->given);
    free(entries->days);
    free(entries->views);
    free(entries->ends);
    free(entries->text);
    free(entries);
}

/* A copy of memory, `*good` made false where there is none for it. */
static void *copied(const void *from, size_t size, bool *good) {
    void *to = malloc(size + 1);
    if (to)
        memcpy(to, from, size);
    *good &= to != NULL;
    return to;
}

Entries *tp_entries_new(uint64_t count, const uint8_t *given, const uint8_t *text, const int32_t *ends,
                        const int32_t *days) {
    Entries *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    atomic_init(&made->holders, 1);
    made->count = count;
    bool good = true;
    if (memchr(given, 0, count))
        made->given = copied(given, count, &good);
    if (days) {
        made->days = copied(days, count * sizeof *days, &good);
    } else {
        made->ends = copied(ends, (count + 1) * sizeof *ends, &good);
        made->text = copied(text, (size_t)ends[count], &good);
        made->views = malloc(count * sizeof *made->views + 1);
        good &= made->views != NULL;
        for (uint64_t i = 0; good && i < count; i++) {
            made->views[i] = view_of(text + ends[i], ends[i + 1] - ends[i], ends[i]);
            if (made->views[i].size > INLINE_BYTES)
                made->far_bytes = ends[count];
        }
    }
    if (good)
        return made;
    tp_entries_free(made);
    return NULL;
}

/* --- Columns ---------------------------------------------------------------------------------------------------------- */

/* What a column owns, beside the entries it holds. */
typedef struct {
    void *memory[BUFFERS];
    const void *buffer[BUFFERS];
    int64_t far_bytes; /* size of the one buffer that views reach into */
    Entries *entries;
} Owned;

/* The rows that a column is made of, and the column itself. */
typedef struct {
    const RowBatch *batch;
    uint64_t from, rows;
    const TableColumn *column;
    ArrowArray *array;
    Owned *owned;
    bool good;
} Work;

/* Room that is filled to its end. */
static void *room(Work *w, uint32_t buffer, size_t size) {
    void *made = malloc(size + 1);
    w->owned->memory[buffer] = made;
    w->owned->buffer[buffer] = made;
    w->good &= made != NULL;
    return made;
}

/* Room for a bit a row, none of them set; or for a row's width, all zero. */
static void *zeros(Work *w, uint32_t buffer, size_t size) {
    void *made = room(w, buffer, size);
    if (made)
        memset(made, 0, size + 1);
    return made;
}

static uint8_t *bits(Work *w, uint32_t buffer) { return zeros(w, buffer, w->rows / 8 + 1); }

/* The bits of what is given, and how many are not; a column that has all gets none. */
typedef struct {
    uint8_t *bits;
    uint64_t nulls;
} Given;

static void settle(Work *w, const Given *given) {
    w->array->null_count = (int64_t)given->nulls;
    if (!given->nulls)
        w->owned->buffer[0] = NULL;
}

static inline int64_t entry_of(const Work *w, const int32_t *index, uint64_t row) {
    const TableColumn *c = w->column;
    int64_t at = index ? index[row] : 0;
    for (uint32_t i = 1; i < c->indexes; i++)
        at = at * c->sizes[i] + index_column(w->batch, c->place + i)[w->from + row];
    if (c->through)
        at = c->through[at];
    const Entries *e = c->entries;
    return at < 0 || (e->given && !e->given[at]) ? -1 : at;
}

static const int32_t *index_of(const Work *w) {
    return w->column->indexes ? index_column(w->batch, w->column->place) + w->from : NULL;
}

static void all_null(Work *w, size_t width) {
    bits(w, 0);
    zeros(w, 1, (w->rows + 1) * width);
    w->array->null_count = (int64_t)w->rows;
}

static void hold_entries(Work *w) {
    Entries *e = w->column->entries;
    if (!e->far_bytes)
        return;
    atomic_fetch_add_explicit(&e->holders, 1, memory_order_relaxed);
    w->owned->entries = e;
    w->owned->buffer[2] = e->text;
    w->owned->far_bytes = e->far_bytes;
}

static void entry_views(Work *w) {
    Given given = {.bits = bits(w, 0)};
    View *to = room(w, 1, w->rows * sizeof *to);
    if (!w->good)
        return;
    const int32_t *index = index_of(w);
    const View *views = w->column->entries->views;
    if (w->column->indexes == 1 && !w->column->through && !w->column->entries->given) {
        for (uint64_t i = 0; i < w->rows; i++)
            to[i] = views[index[i]];
    } else {
        for (uint64_t i = 0; i < w->rows; i++) {
            int64_t entry = entry_of(w, index, i);
            if (entry < 0) {
                given.nulls++;
                to[i] = (View){0};
            } else {
                to[i] = views[entry];
                set_bit(given.bits, i);
            }
        }
    }
    hold_entries(w);
    settle(w, &given);
}

static void entry_texts(Work *w) {
    Given given = {.bits = bits(w, 0)};
    int32_t *ends = room(w, 1, (w->rows + 1) * sizeof *ends);
    const Entries *e = w->column->entries;
    const int32_t *index = index_of(w);
    int64_t size = 0;
    if (w->good)
        ends[0] = 0;
    for (uint64_t i = 0; w->good && i < w->rows; i++) {
        int64_t entry = entry_of(w, index, i);
        if (entry < 0) {
            given.nulls++;
        } else {
            size += e->ends[entry + 1] - e->ends[entry];
            set_bit(given.bits, i);
        }
        w->good &= size <= INT32_MAX;
        ends[i + 1] = (int32_t)size;
    }
    uint8_t *to = w->good ? room(w, 2, (size_t)size) : NULL;
    for (uint64_t i = 0; w->good && i < w->rows; i++)
        if (ends[i + 1] > ends[i])
            memcpy(to + ends[i], e->text + e->ends[entry_of(w, index, i)], (size_t)(ends[i + 1] - ends[i]));
    settle(w, &given);
}

static void entry_days(Work *w) {
    Given given = {.bits = bits(w, 0)};
    int32_t *to = room(w, 1, w->rows * sizeof *to);
    const int32_t *index = index_of(w);
    for (uint64_t i = 0; w->good && i < w->rows; i++) {
        int64_t entry = entry_of(w, index, i);
        to[i] = entry < 0 ? 0 : w->column->entries->days[entry];
        if (entry < 0)
            given.nulls++;
        else
            set_bit(given.bits, i);
    }
    settle(w, &given);
}

/* Bits of the rows from `from` on, moved to the beginning. */
static void take_bits(Work *w, uint32_t buffer, const uint8_t *of_batch) {
    uint8_t *to = bits(w, buffer);
    for (uint64_t i = 0; w->good && i < w->rows; i++)
        if (bit_at(of_batch, w->from + i))
            set_bit(to, i);
}

static uint64_t take_given(Work *w, const uint8_t *of_batch, uint64_t nulls_of_batch) {
    if (!nulls_of_batch)
        return 0;
    take_bits(w, 0, of_batch);
    uint64_t nulls = 0;
    for (uint64_t i = 0; i < w->rows; i++)
        nulls += !bit_at(of_batch, w->from + i);
    return nulls;
}

static void row_texts(Work *w, const TextColumn *text, bool views) {
    Given given = {.nulls = take_given(w, text->given, text->nulls)};
    const int32_t *ends = text->ends + w->from;
    if (!views) {
        int32_t *to = room(w, 1, (w->rows + 1) * sizeof *to);
        size_t size = (size_t)(ends[w->rows] - ends[0]);
        uint8_t *data = room(w, 2, size);
        for (uint64_t i = 0; w->good && i <= w->rows; i++)
            to[i] = ends[i] - ends[0];
        if (w->good && size)
            memcpy(data, text->data + ends[0], size);
        settle(w, &given);
        return;
    }
    View *to = room(w, 1, w->rows * sizeof *to);
    int64_t far = 0;
    for (uint64_t i = 0; w->good && i < w->rows; i++) {
        int32_t size = ends[i + 1] - ends[i];
        to[i] = view_of(text->data + ends[i], size, (int32_t)far);
        far += size > INLINE_BYTES ? size : 0;
    }
    if (far) {
        uint8_t *data = room(w, 2, (size_t)far);
        for (uint64_t i = 0; w->good && i < w->rows; i++)
            if (to[i].size > INLINE_BYTES)
                memcpy(data + to[i].far.at, text->data + ends[i], (size_t)to[i].size);
        w->owned->far_bytes = far;
    }
    settle(w, &given);
}

static void row_numbers(Work *w) {
    Given given = {.bits = bits(w, 0)};
    double *to = room(w, 1, w->rows * sizeof *to);
    const TextColumn *text = &w->batch->text[TEXT_VALUE];
    const int32_t *ends = text->ends + w->from;
    for (uint64_t i = 0; w->good && i < w->rows; i++) {
        to[i] = 0;
        if (number_of(text->data + ends[i], (size_t)(ends[i + 1] - ends[i]), &to[i]))
            set_bit(given.bits, i);
        else
            given.nulls++;
    }
    settle(w, &given);
}

static void row_flags(Work *w, bool followup) {
    const RowBatch *batch = w->batch;
    Given given = {.nulls = followup ? take_given(w, batch->followup_given, batch->followup_nulls) : 0};
    take_bits(w, 1, followup ? batch->followup : batch->deleted);
    settle(w, &given);
}

static void row_places(Work *w) {
    int64_t *to = room(w, 1, w->rows * sizeof *to);
    if (w->good)
        memcpy(to, w->batch->number + w->from, w->rows * sizeof *to);
}

static bool is_text(uint32_t source) {
    return source == TABLE_TEXT || source == TABLE_VALUE || source == TABLE_COMMENT;
}

static void fill(Work *w, bool views) {
    uint32_t source = w->column->source;
    bool has_entries = source == TABLE_TEXT || source == TABLE_DAY;
    w->array->n_buffers = is_text(source) ? 3 : 2;
    if (has_entries && !w->column->entries)
        all_null(w, source == TABLE_TEXT && views ? sizeof(View) : sizeof(int32_t));
    else if (source == TABLE_TEXT && views)
        entry_views(w);
    else if (source == TABLE_TEXT)
        entry_texts(w);
    else if (source == TABLE_DAY)
        entry_days(w);
    else if (source == TABLE_NUMBER)
        row_numbers(w);
    else if (source == TABLE_ROW)
        row_places(w);
    else if (source == TABLE_DELETED || source == TABLE_FOLLOWUP)
        row_flags(w, source == TABLE_FOLLOWUP);
    else
        row_texts(w, &w->batch->text[source == TABLE_VALUE ? TEXT_VALUE : TEXT_COMMENT], views);
    if (is_text(source) && views) { /* behind the buffers of texts there are their sizes */
        w->array->n_buffers = w->owned->far_bytes ? 4 : 3;
        w->owned->buffer[w->array->n_buffers - 1] = &w->owned->far_bytes;
    } else if (is_text(source) && !w->owned->buffer[2]) {
        room(w, 2, 0);
    }
}

/* --- The Arrow C data interface --------------------------------------------------------------------------------------- */

static void release_column(ArrowArray *array) {
    Owned *owned = array->private_data;
    for (uint32_t i = 0; i < BUFFERS; i++)
        free(owned->memory[i]);
    tp_entries_free(owned->entries);
    free(owned);
    array->release = NULL;
}

/* Children lie in one piece behind the pointers to them. */
static void release_table(ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
    free(array->private_data);
    array->release = NULL;
}

static void release_name(ArrowSchema *schema) {
    free(schema->private_data);
    schema->release = NULL;
}

static void release_schema(ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
    free(schema->private_data);
    schema->release = NULL;
}

static const char *format_of(uint32_t source, bool views) {
    switch (source) {
    case TABLE_DAY:
        return "tdD";
    case TABLE_NUMBER:
        return "g";
    case TABLE_DELETED:
    case TABLE_FOLLOWUP:
        return "b";
    case TABLE_ROW:
        return "l";
    default:
        return views ? "vu" : "u";
    }
}

static bool table_schema(const TableForm *form, ArrowSchema *out) {
    struct {
        const char *none;
        ArrowSchema *children[];
    } *made = calloc(1, sizeof *made + form->count * (sizeof(ArrowSchema *) + sizeof(ArrowSchema)));
    if (!made)
        return false;
    ArrowSchema *child = (ArrowSchema *)(made->children + form->count);
    *out = (ArrowSchema){.format = "+s",
                         .name = "",
                         .n_children = form->count,
                         .children = made->children,
                         .release = release_schema,
                         .private_data = made};
    const char *name = form->names;
    bool good = true;
    for (uint32_t i = 0; i < form->count; i++) {
        size_t size = strlen(name) + 1;
        char *kept = malloc(size);
        made->children[i] = &child[i];
        if (kept) {
            memcpy(kept, name, size);
            child[i] = (ArrowSchema){.format = format_of(form->columns[i].source, form->views),
                                     .name = kept,
                                     .flags = ARROW_FLAG_NULLABLE,
                                     .release = release_name,
                                     .private_data = kept};
        }
        good &= kept != NULL;
        name += size;
    }
    if (!good)
        release_schema(out);
    return good;
}

static bool table_array(const RowBatch *batch, const TableForm *form, uint64_t from, uint64_t to, ArrowArray *out) {
    struct {
        const void *none[1]; /* no bits for rows that are null as a whole */
        ArrowArray *children[];
    } *made = calloc(1, sizeof *made + form->count * (sizeof(ArrowArray *) + sizeof(ArrowArray)));
    if (!made)
        return false;
    ArrowArray *child = (ArrowArray *)(made->children + form->count);
    *out = (ArrowArray){.length = (int64_t)(to - from),
                        .n_buffers = 1,
                        .n_children = form->count,
                        .buffers = made->none,
                        .children = made->children,
                        .release = release_table,
                        .private_data = made};
    bool good = true;
    for (uint32_t i = 0; i < form->count; i++) {
        made->children[i] = &child[i];
        Owned *owned = good ? calloc(1, sizeof *owned) : NULL;
        good &= owned != NULL;
        if (!good)
            continue; /* the children that there are have been told to the table, which is released as a whole */
        child[i] = (ArrowArray){
            .length = out->length, .buffers = owned->buffer, .release = release_column, .private_data = owned};
        Work work = {batch, from, to - from, &form->columns[i], &child[i], owned, true};
        fill(&work, form->views);
        good &= work.good;
    }
    if (!good)
        release_table(out);
    return good;
}

void *tp_table_schema(const TableForm *form) {
    ArrowSchema *schema = malloc(sizeof *schema);
    if (schema && table_schema(form, schema))
        return schema;
    free(schema);
    return NULL;
}

void *tp_table_array(const RowBatch *batch, const TableForm *form, uint64_t from, uint64_t to) {
    ArrowArray *array = malloc(sizeof *array);
    if (array && table_array(batch, form, from, to, array))
        return array;
    free(array);
    return NULL;
}

void tp_array_move(void *from, void *to) {
    memcpy(to, from, sizeof(ArrowArray));
    free(from);
}

/* --- Streams ---------------------------------------------------------------------------------------------------------- */

#define MESSAGE_BYTES 2000

/* A stream of tables that the interpreter makes one by one. Behind it, its form. */
typedef struct {
    TableForm form;
    StreamCalls calls;
    void *tables;
    char message[MESSAGE_BYTES];
} TableStream;

static int next_schema(ArrowArrayStream *arrow, ArrowSchema *out) {
    return table_schema(&((TableStream *)arrow->private_data)->form, out) ? 0 : ENOMEM;
}

static int next_array(ArrowArrayStream *arrow, ArrowArray *out) {
    TableStream *stream = arrow->private_data;
    *out = (ArrowArray){0};
    return stream->calls.next(stream->tables, out, stream->message, MESSAGE_BYTES) ? EIO : 0;
}

static const char *last_error(ArrowArrayStream *arrow) {
    const TableStream *stream = arrow->private_data;
    return stream->message[0] ? stream->message : "out of memory";
}

static void release_stream(ArrowArrayStream *arrow) {
    TableStream *stream = arrow->private_data;
    uint32_t state = stream->calls.take_lock();
    stream->calls.let_go(stream->tables);
    stream->calls.give_lock(state);
    free(stream);
    arrow->release = NULL;
}

void *tp_table_stream(const TableForm *form, const StreamCalls *calls, void *tables) {
    size_t columns = form->count * sizeof *form->columns;
    ArrowArrayStream *arrow = malloc(sizeof *arrow);
    TableStream *stream = calloc(1, sizeof *stream + columns + form->names_size);
    if (!arrow || !stream) {
        free(arrow);
        free(stream);
        return NULL;
    }
    TableColumn *column = (TableColumn *)(stream + 1); /* of them only the sources count: the schema is made of them */
    char *names = (char *)(column + form->count);
    memcpy(column, form->columns, columns);
    memcpy(names, form->names, form->names_size);
    stream->form = *form;
    stream->form.columns = column;
    stream->form.names = names;
    stream->calls = *calls;
    stream->tables = tables;
    *arrow = (ArrowArrayStream){next_schema, next_array, last_error, release_stream, stream};
    return arrow;
}
