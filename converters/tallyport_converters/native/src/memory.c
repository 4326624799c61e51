/* See memory.h. */
#include "memory.h"

#include <stdlib.h>

_Thread_local Guard *innermost_guard;

void out_of_memory(void) { longjmp(innermost_guard->place, 1); }

void *zeroed(size_t count, size_t size) {
    void *made = calloc(count, size);
    if (!made)
        out_of_memory();
    return made;
}

void *grow(void *memory, size_t *capacity, size_t wanted, size_t item_size) {
    if (wanted <= *capacity)
        return memory;
    if (wanted > SIZE_MAX / 2 / item_size)
        out_of_memory();
    size_t next = *capacity ? *capacity : 64;
    while (next < wanted)
        next += next / 2 + 1;
    void *moved = realloc(memory, next * item_size);
    if (!moved)
        out_of_memory();
    *capacity = next;
    return moved;
}

void bytes_reserve(Bytes *bytes, size_t more) {
    bytes->data = grow(bytes->data, &bytes->capacity, bytes->size + more, 1);
}

void bytes_add(Bytes *bytes, const void *data, size_t size) {
    if (!size)
        return;
    bytes_reserve(bytes, size);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_add_byte(Bytes *bytes, uint8_t byte) {
    bytes_reserve(bytes, 1);
    bytes->data[bytes->size++] = byte;
}

void bytes_free(Bytes *bytes) {
    free(bytes->data);
    *bytes = (Bytes){0};
}

uint8_t *put_number(uint8_t *to, uint64_t number) {
    uint8_t digits[NUMBER_SIZE];
    size_t at = sizeof digits;
    do
        digits[--at] = (uint8_t)('0' + number % 10);
    while (number /= 10);
    memcpy(to, digits + at, sizeof digits - at);
    return to + (sizeof digits - at);
}
