/* The values of one data element: split into groups that can share a header, sorted, the last of a key kept, written. */
#include "group.h"

#include <stdlib.h>

#define FEW_ENTRIES 16 /* of a group */

static void count(Tally *tally, uint64_t row) {
    if (!tally->count++ || row < tally->first)
        tally->first = row;
}

void tp_split_free(Split *split) {
    if (!split)
        return;
    for (uint64_t i = 0; i < split->report.groups; i++)
        free(split->group[i].entries);
    free(split->group);
    free(split->table);
    free(split);
}

const SplitReport *tp_split_report(const Split *split) { return &split->report; }

/* Where a group stands in the table, or the free place for it. */
static uint32_t *group_slot(const Split *split, uint32_t ds, uint32_t coc_shape, uint32_t aoc_shape) {
    uint64_t secret = (split->seed << 32 | split->seed >> 32) ^ 0xe7037ed1a0b428dbu;
    uint64_t at = mix(split->seed ^ ((uint64_t)ds << 32 | coc_shape), secret ^ aoc_shape);
    for (;; at++) {
        uint32_t *slot = &split->table[at & (split->table_size - 1)];
        if (!*slot)
            return slot;
        const Group *g = &split->group[*slot - 1];
        if (g->ds == ds && g->coc_shape == coc_shape && g->aoc_shape == aoc_shape)
            return slot;
    }
}

static void widen_table(Split *split) {
    uint64_t size = split->table_size ? split->table_size * 2 : 16;
    uint32_t *table = zeroed(size, sizeof *table);
    free(split->table);
    split->table = table;
    split->table_size = size;
    for (uint64_t i = 0; i < split->report.groups; i++) {
        const Group *g = &split->group[i];
        *group_slot(split, g->ds, g->coc_shape, g->aoc_shape) = (uint32_t)i + 1;
    }
}

static Group *group_of(Split *split, Group *recent, uint32_t ds, uint32_t coc_shape, uint32_t aoc_shape) {
    if (recent && recent->ds == ds && recent->coc_shape == coc_shape && recent->aoc_shape == aoc_shape)
        return recent;
    if (split->report.groups == UINT32_MAX)
        out_of_memory(); /* the table counts groups in 32 bits */
    if (split->report.groups >= split->table_size / 2)
        widen_table(split);
    uint32_t *slot = group_slot(split, ds, coc_shape, aoc_shape);
    if (*slot)
        return &split->group[*slot - 1];
    size_t capacity = split->capacity;
    split->group = grow(split->group, &capacity, split->report.groups + 1, sizeof *split->group);
    split->capacity = capacity;
    split->group[split->report.groups++] = (Group){.ds = ds, .coc_shape = coc_shape, .aoc_shape = aoc_shape};
    *slot = (uint32_t)split->report.groups;
    return &split->group[split->report.groups - 1];
}

/* Room for one more entry: there may be very many groups of a row each, so the first ones get little. */
static void reserve_entry(Group *group) {
    if (group->count < group->capacity)
        return;
    size_t capacity = group->capacity ? group->capacity : FEW_ENTRIES / 2;
    group->entries = grow(group->entries, &capacity, capacity + capacity / 2 + 1, sizeof *group->entries);
    group->capacity = capacity;
}

static bool entry_less(const Entry *a, const Entry *b) {
    return a->high < b->high || (a->high == b->high && a->low < b->low);
}

/* Least significant byte first, stable, passing over bytes that are the same in all keys: O(n). */
static void sort_entries(Group *group) {
    uint64_t n = group->count, high = 0, low = 0;
    Entry *from = group->entries;
    bool sorted = true;
    for (uint64_t i = 1; i < n; i++) {
        high |= from[i].high ^ from[0].high;
        low |= from[i].low ^ from[0].low;
        sorted &= !entry_less(&from[i], &from[i - 1]);
    }
    if (sorted)
        return;
    if (n <= FEW_ENTRIES) { /* by insertion: the counts below cost more than so few */
        for (uint64_t i = 1, j; i < n; i++) {
            Entry entry = from[i];
            for (j = i; j && entry_less(&entry, &from[j - 1]); j--)
                from[j] = from[j - 1];
            from[j] = entry;
        }
        return;
    }
    Entry *to = malloc(n * sizeof *to);
    if (!to)
        out_of_memory();
    for (int byte = 0; byte < 16; byte++) {
        int shift = byte % 8 * 8;
        if (!((byte < 8 ? low : high) >> shift & 0xFF))
            continue;
        uint64_t starts[257] = {0};
        for (uint64_t i = 0; i < n; i++)
            starts[((byte < 8 ? from[i].low : from[i].high) >> shift & 0xFF) + 1]++;
        for (int i = 1; i < 257; i++)
            starts[i] += starts[i - 1];
        for (uint64_t i = 0; i < n; i++)
            to[starts[(byte < 8 ? from[i].low : from[i].high) >> shift & 0xFF]++] = from[i];
        Entry *swap = from;
        from = to;
        to = swap;
    }
    free(to);
    group->entries = from;
}

/* Of equal keys the last stands: entries come in row order and the sort is stable. */
static void settle_keys(Group *group, Keys *keys, uint8_t *bits) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < group->count; i++) {
        const Entry *e = &group->entries[i];
        if (i + 1 < group->count && same_key(e, e + 1)) {
            uint64_t first = i;
            while (i + 1 < group->count && same_key(e, &group->entries[i + 1]))
                i++;
            e = &group->entries[i];
            bool clash = false;
            for (uint64_t j = first; j < i && !clash; j++)
                clash = !same_left_out(group->entries[j].packed, e->packed);
            for (uint64_t j = first; j < i + clash; j++) {
                if (clash)
                    keys_clash(keys, group->entries[j].packed, e->packed, bits);
                else
                    keys_supersede(keys, group->entries[j].packed, e->packed);
            }
            if (clash)
                continue;
        }
        group->entries[kept++] = *e;
    }
    group->count = kept;
}

Split *tp_split(uint8_t **parts, const uint64_t *sizes, uint64_t segments, const Meaning *meaning, uint8_t *bits,
                       uint32_t as_run) {
    Split *split = calloc(1, sizeof *split);
    if (!split)
        return NULL;
    NO_MEMORY_GUARD((tp_split_free(split), NULL));
    split->seed = meaning->seed;
    Group *recent = NULL;
    uint32_t flags = 0;
    for (uint64_t part = 0; part < segments; part++) {
        for (uint64_t at = 0; at < sizes[part];) {
            Packed *p = (Packed *)(parts[part] + at);
            at += packed_size(p);
            uint32_t ids[DIMENSIONS] = {p->pe, p->ou, p->coc, p->aoc}, ranks[DIMENSIONS];
            split->report.values++;
            flags |= p->flags;
            bool rejected = false;
            for (int d = 0; d < DIMENSIONS; d++) {
                uint32_t header = meaning->header[d];
                ranks[d] = ids[d] || header == NO_RANK ? meaning->rank[d][ids[d]] : header;
                rejected |= ranks[d] == NO_RANK;
            }
            if (rejected) {
                split->report.rejected++;
                __atomic_fetch_or(&bits[p->row / 8], (uint8_t)(1u << p->row % 8), __ATOMIC_RELAXED);
                continue;
            }
            static const int stated[DISAGREEMENTS] = {0, 1, 3};
            for (int i = 0; i < DISAGREEMENTS; i++) {
                int d = stated[i];
                if (ids[d] && meaning->header[d] != NO_RANK && meaning->header[d] != ranks[d])
                    count(&split->report.disagree[i], p->row);
            }
            if (ids[0] && meaning->period_note[ids[0]])
                count(&split->report.period_notes[meaning->period_note[ids[0]]], p->row);
            p->pe = ranks[0], p->ou = ranks[1], p->coc = ranks[2], p->aoc = ranks[3];
            p->ds = p->ds ? meaning->ds[p->ds] : meaning->header_ds;
            recent = group_of(split, recent, p->ds, meaning->coc_shape[p->coc], meaning->aoc_shape[p->aoc]);
            reserve_entry(recent);
            recent->entries[recent->count++] =
                (Entry){(uint64_t)p->pe << 32 | p->ou, (uint64_t)p->coc << 32 | p->aoc, p};
        }
    }
    for (uint64_t i = 0; split->group && i < split->report.groups; i++) {
        sort_entries(&split->group[i]);
        if (!as_run)
            settle_keys(&split->group[i], &split->report.keys, bits);
    }
    split->report.has_left_out = left_out_size(flags) > 0;
    return split;
}

void tp_split_group(const Split *split, uint64_t group, uint32_t *ds, uint32_t *coc_shape, uint32_t *aoc_shape,
                           uint64_t *count) {
    const Group *g = &split->group[group];
    *ds = g->ds, *coc_shape = g->coc_shape, *aoc_shape = g->aoc_shape, *count = g->count;
}

/* Hand over what was gathered. */
static uint8_t *bytes_given(Bytes *out, uint64_t *size) {
    uint8_t *data = out->data;
    *size = out->size;
    free(out);
    return data;
}

uint8_t *tp_split_render(const Split *split, uint64_t group, const Form *form, uint64_t *size) {
    Bytes *out = calloc(1, sizeof *out);
    if (!out)
        return NULL;
    NO_MEMORY_GUARD((free(out->data), free(out), NULL));
    const Group *g = &split->group[group];
    bytes_reserve(out, g->count * 16 + 64);
    for (uint64_t i = 0; i < g->count; i++) {
        if (i)
            bytes_add(out, ",\n", 2);
        render_row(out, &g->entries[i], form);
    }
    return bytes_given(out, size);
}

/* The values of a group as a sorted run for a later merge: the key's two halves, then the packed value, each.
 * Of rows that share a key the last comes first. */
uint8_t *tp_split_run(const Split *split, uint64_t group, uint64_t *size) {
    Bytes *out = calloc(1, sizeof *out);
    if (!out)
        return NULL;
    NO_MEMORY_GUARD((free(out->data), free(out), NULL));
    const Group *g = &split->group[group];
    bytes_reserve(out, 1);
    for (uint64_t from = 0, to; from < g->count; from = to) {
        to = from + 1;
        while (to < g->count && same_key(&g->entries[from], &g->entries[to]))
            to++;
        for (uint64_t i = to; i-- > from;) {
            const Entry *e = &g->entries[i];
            bytes_add(out, &e->high, sizeof e->high);
            bytes_add(out, &e->low, sizeof e->low);
            bytes_add(out, e->packed, packed_size(e->packed));
        }
    }
    return bytes_given(out, size);
}

void tp_bytes_free(uint8_t *data) { free(data); }
