/* What all targets share: an input is taken apart, allocations fail as it says, and what must hold is checked.
 *
 * The last SETTINGS bytes of an input settle how the rest of it is read: sizes of blocks, options, the allocation that
 * fails. They stand at the end so that a file with some bytes behind it is a good seed.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "scanner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS 48
#define SEED 0x9e3779b97f4a7c15u

typedef struct {
    const uint8_t *data; /* without the settings */
    size_t size;
    uint8_t *longer;     /* what `data` lies in, if it was stretched */
    uint8_t setting[SETTINGS];
    size_t taken; /* settings */
} Input;

/* Take an input apart. One in some has a byte of it repeated, so that it holds a text longer than DHIS2 stores. */
Input input_of(const uint8_t *data, size_t size);
void input_free(Input *input);
/* The next setting: below `limit`. */
uint32_t choose(Input *input, uint32_t limit);

/* Bytes that grow, outside of what the allocations below count. */
typedef struct {
    uint8_t *data;
    size_t size, capacity;
} Text;
void text_add(Text *text, const void *data, size_t size);
void text_say(Text *text, const char *said);
void text_free(Text *text);

/* A copy with nothing behind it, so that a read beyond its end is found. Never NULL. */
uint8_t *exactly(const void *data, size_t size);

/* Let allocations of the scanner fail from one on, as the input says: mostly none does. */
bool allocations_may_fail(Input *input);
/* Let all succeed again. */
void allocations_succeed(void);
/* Nothing may be left of what the scanner allocated. */
void all_is_freed(void);

#define CHECK(holds)                                                                                                   \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
