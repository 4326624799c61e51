/* Dictionaries of distinct texts. */
#ifndef TALLYPORT_DICTIONARY_H
#define TALLYPORT_DICTIONARY_H

#include "text.h"

typedef struct {
    uint64_t hash;
    uint32_t id; /* 0: free */
} Slot;

/* Ids count from 1 in order of arrival. */
typedef struct {
    Bytes text;
    uint32_t *ends; /* ends[id]: end of text id; ends[0] = 0 */
    size_t ends_capacity;
    Slot *slots;
    uint32_t count, mask;
    uint64_t seed; /* differs from run to run, so that no input can be made to collide */
} Intern;

/* Both halves of a product: what hashes are made of. */
static inline uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_text(const uint8_t *p, size_t n, uint64_t seed);
void intern_init(Intern *intern, uint64_t seed);
void intern_free(Intern *intern);
void intern_clear(Intern *intern);
uint32_t intern_text(Intern *intern, const uint8_t *text, size_t size);
static inline const uint8_t *interned(const Intern *intern, uint32_t id, size_t *size) {
    uint32_t start = intern->ends[id - 1];
    *size = intern->ends[id] - start;
    return intern->text.data + start; /* there is data, even of one empty text */
}

#endif
