/* Memory that grows, and the way out where there is none.
 *
 * Running out jumps back to the exported function that began to allocate, which frees what it made and reports it. Guards
 * nest: a guarded function may call another one.
 */
#ifndef TALLYPORT_MEMORY_H
#define TALLYPORT_MEMORY_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Guard {
    jmp_buf place;
    struct Guard *outer;
} Guard;

extern _Thread_local Guard *innermost_guard;

static inline void leave_guard(Guard *guard) { innermost_guard = guard->outer; }

/* First statement of an exported function that allocates; `result` is returned when memory runs out. */
#define NO_MEMORY_GUARD(result)                                                                                        \
    __attribute__((cleanup(leave_guard))) Guard guard = {.outer = innermost_guard};                                    \
    innermost_guard = &guard;                                                                                          \
    if (setjmp(guard.place))                                                                                           \
    return result

_Noreturn void out_of_memory(void);

#define NUMBER_SIZE 20 /* digits that a number may have */

/* Write a number's digits where there is room for them; returns what is behind them. */
uint8_t *put_number(uint8_t *to, uint64_t number);

/* Room for `count` items of `size` bytes, all zero. */
__attribute__((returns_nonnull)) void *zeroed(size_t count, size_t size);
/* Room for at least `wanted` items, of which there is one or more. */
__attribute__((returns_nonnull)) void *grow(void *memory, size_t *capacity, size_t wanted, size_t item_size);

typedef struct {
    uint8_t *data;
    size_t size, capacity;
} Bytes;

void bytes_reserve(Bytes *bytes, size_t more);
void bytes_add(Bytes *bytes, const void *data, size_t size);
void bytes_add_byte(Bytes *bytes, uint8_t byte);
void bytes_free(Bytes *bytes);

/* `data` from `offset` on; an empty buffer has no data, and NULL takes no offset: then where nothing is to be read. */
static inline const uint8_t *bytes_from(const Bytes *bytes, size_t offset) {
    return bytes->data ? bytes->data + offset : (const uint8_t *)"";
}

#endif
