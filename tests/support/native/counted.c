/* The allocations of `counted.h`. */
#include <stdint.h>
#undef malloc
#undef calloc
#undef realloc
#undef free

static int64_t left = INT64_MAX, held;

static int refused(void) { return left-- <= 0; }

void *counted_malloc(size_t size) {
    void *memory = refused() ? NULL : malloc(size);
    held += memory != NULL;
    return memory;
}

void *counted_calloc(size_t count, size_t size) {
    void *memory = refused() ? NULL : calloc(count, size);
    held += memory != NULL;
    return memory;
}

void *counted_realloc(void *memory, size_t size) {
    void *moved = refused() ? NULL : realloc(memory, size);
    held += moved && !memory;
    return moved;
}

void counted_free(void *memory) {
    held -= memory != NULL;
    free(memory);
}

/* Let `allocations` succeed, and then none. */
__attribute__((visibility("default"))) void tests_allow(int64_t allocations) { left = allocations; }
__attribute__((visibility("default"))) int64_t tests_held(void) { return held; }
__attribute__((visibility("default"))) int64_t tests_left(void) { return left; }
