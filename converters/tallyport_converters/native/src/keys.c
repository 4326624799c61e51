/* Rows that share a key: what is counted, sampled and rejected of them. See group.h. */
#include "group.h"

static inline const uint8_t *left_out(const Packed *p) {
    return (const uint8_t *)(p + 1) + p->value_size + p->comment_size;
}

bool same_left_out(const Packed *a, const Packed *b) {
    size_t size = left_out_size(a->flags);
    return size == left_out_size(b->flags) && (!size || !memcmp(left_out(a), left_out(b), size));
}

static bool same_payload(const Packed *a, const Packed *b) {
    const uint32_t said = ROW_DELETED | ROW_FOLLOWUP_TRUE | ROW_HAS_COMMENT;
    return a->value_size == b->value_size && a->comment_size == b->comment_size &&
           (a->flags & said) == (b->flags & said) &&
           !memcmp(a + 1, b + 1, (size_t)a->value_size + a->comment_size);
}

static void sample(uint8_t *into, const uint8_t *text, size_t size) {
    memset(into, 0, PAIR_TEXT);
    memcpy(into, text, size < PAIR_TEXT ? size : PAIR_TEXT);
}

void keys_supersede(Keys *keys, const Packed *loser, const Packed *winner) {
    keys->superseded++;
    if (same_payload(loser, winner))
        return;
    keys->different++;
    uint32_t place = keys->pairs;
    if (place == PAIRS) { /* in place of the one whose row comes last */
        place = 0;
        for (uint32_t i = 1; i < PAIRS; i++)
            if (keys->pair[i].row > keys->pair[place].row)
                place = i;
        if (keys->pair[place].row < loser->row)
            return;
    } else {
        keys->pairs++;
    }
    Pair *pair = &keys->pair[place];
    *pair = (Pair){.row = loser->row,
                   .by_row = winner->row,
                   .ranks = {loser->pe, loser->ou, loser->coc, loser->aoc},
                   .flags = loser->flags,
                   .by_flags = winner->flags,
                   .sizes = {loser->value_size, winner->value_size, loser->comment_size, winner->comment_size}};
    const uint8_t *lost = (const uint8_t *)(loser + 1), *won = (const uint8_t *)(winner + 1);
    sample(pair->texts[0], lost, loser->value_size);
    sample(pair->texts[2], lost + loser->value_size, loser->comment_size);
    sample(pair->texts[1], won, winner->value_size);
    sample(pair->texts[3], won + winner->value_size, winner->comment_size);
}

static void differs(Keys *keys, uint64_t name) {
    for (uint32_t i = 0; i < keys->fields; i++)
        if (keys->field[i] == name)
            return;
    if (keys->fields < FIELDS_KEPT)
        keys->field[keys->fields++] = name;
}

/* Reject `row`, which shares its key with `other` (or is it): the fields that differ are taken note of. */
void keys_clash(Keys *keys, const Packed *row, const Packed *other, uint8_t *bits) {
    keys->clashing++;
    __atomic_fetch_or(&bits[row->row / 8], (uint8_t)(1u << row->row % 8), __ATOMIC_RELAXED);
    const uint8_t *a = left_out(row), *b = left_out(other);
    const uint8_t *a_end = a + left_out_size(row->flags), *b_end = b + left_out_size(other->flags);
    while (a < a_end || b < b_end) {
        LeftOut one = {LEFT_OUT_REST, 0}, two = {LEFT_OUT_REST, 0};
        if (a < a_end)
            memcpy(&one, a, sizeof one);
        if (b < b_end)
            memcpy(&two, b, sizeof two);
        if (b == b_end || (a < a_end && one.name < two.name)) {
            differs(keys, one.name);
            a += sizeof one;
        } else if (a == a_end || two.name < one.name) {
            differs(keys, two.name);
            b += sizeof two;
        } else {
            if (one.said != two.said)
                differs(keys, one.name);
            a += sizeof one, b += sizeof two;
        }
    }
}
