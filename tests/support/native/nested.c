/* A guard within a guard: what fails behind the inner one goes out by the outer one. */
#include "memory.h"

void tests_allow(int64_t allocations);

static uint32_t allocates(void) {
    NO_MEMORY_GUARD(0);
    free(zeroed(1, 1));
    return 1;
}

/* 3: the inner guard let one allocation through and reported one that failed, and the outer one caught the last. */
__attribute__((visibility("default"))) uint32_t tests_nested(void) {
    static uint32_t seen;
    seen = 0;
    NO_MEMORY_GUARD(seen + 1);
    tests_allow(1);
    seen += allocates();
    seen += !allocates();
    free(zeroed(1, 1));
    return 0;
}
