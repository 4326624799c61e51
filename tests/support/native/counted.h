/* Stands before each C file of a library that is built for tests: allocations are counted, and any of them may fail. */
#include <stdlib.h>

void *counted_malloc(size_t size);
void *counted_calloc(size_t count, size_t size);
void *counted_realloc(void *memory, size_t size);
void counted_free(void *memory);

#define malloc counted_malloc
#define calloc counted_calloc
#define realloc counted_realloc
#define free counted_free
