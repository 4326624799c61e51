/* See dictionary.h. */
#include "dictionary.h"

#include <stdlib.h>

void intern_init(Intern *intern, uint64_t seed) {
    memset(intern, 0, sizeof *intern);
    intern->seed = seed;
}

void intern_free(Intern *intern) {
    bytes_free(&intern->text);
    free(intern->ends);
    free(intern->slots);
    memset(intern, 0, sizeof *intern);
}

void intern_clear(Intern *intern) {
    uint64_t seed = intern->seed;
    if (intern->count) {
        intern_free(intern);
        intern_init(intern, seed);
    }
}

uint64_t hash_text(const uint8_t *p, size_t n, uint64_t seed) {
    /* Whatever meets the text is secret: a text that holds a known factor would make the product forget the seed. */
    const uint64_t secret = (seed << 32 | seed >> 32) ^ 0xe7037ed1a0b428dbu;
    uint64_t h = seed ^ 0xa0761d6478bd642fu, a, b;
    size_t left = n;
    for (; left > 16; p += 16, left -= 16)
        h = mix(load64(p) ^ secret, load64(p + 8) ^ h);
    if (left >= 8) {
        a = load64(p), b = load64(p + left - 8);
    } else {
        a = b = 0;
        for (size_t i = 0; i < left; i++)
            a = a << 8 | p[i];
    }
    return mix(secret ^ n, mix(a ^ secret, b ^ h));
}

static void intern_rehash(Intern *intern) {
    uint32_t size = intern->slots ? (intern->mask + 1) * 2 : 64; /* 0: there are no more 32-bit sizes */
    if (!size)
        out_of_memory();
    Slot *slots = zeroed(size, sizeof *slots);
    for (uint32_t i = 0; intern->slots && i <= intern->mask; i++)
        if (intern->slots[i].id) {
            uint32_t at = (uint32_t)intern->slots[i].hash & (size - 1);
            while (slots[at].id)
                at = (at + 1) & (size - 1);
            slots[at] = intern->slots[i];
        }
    free(intern->slots);
    intern->slots = slots;
    intern->mask = size - 1;
}

uint32_t intern_text(Intern *intern, const uint8_t *text, size_t size) {
    if (!intern->slots || intern->count >= (intern->mask + 1) / 2)
        intern_rehash(intern);
    uint64_t hash = hash_text(text, size, intern->seed);
    uint32_t at = (uint32_t)hash & intern->mask;
    for (; intern->slots[at].id; at = (at + 1) & intern->mask)
        if (intern->slots[at].hash == hash) {
            size_t known_size;
            const uint8_t *known = interned(intern, intern->slots[at].id, &known_size);
            if (known_size == size && same_bytes(known, text, size))
                return intern->slots[at].id;
        }
    /* 32-bit offsets: a dictionary of 4 GiB is far beyond any memory budget. */
    if (intern->text.size + size > UINT32_MAX)
        out_of_memory();
    intern->ends = grow(intern->ends, &intern->ends_capacity, (size_t)intern->count + 2, sizeof *intern->ends);
    intern->ends[0] = 0;
    bytes_reserve(&intern->text, size + 1); /* also where all texts are empty: NULL takes no offset */
    bytes_add(&intern->text, text, size);
    uint32_t id = ++intern->count;
    intern->ends[id] = (uint32_t)intern->text.size;
    intern->slots[at] = (Slot){hash, id};
    return id;
}
