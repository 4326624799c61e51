/* See input.h. */
#include "input.h"

#define STRETCHED 50002 /* bytes: more than DHIS2 stores of a value; even, so that pairs of escapes stay pairs */

/* Of the library that counts allocations: tests/support/native/counted.c. */
void tests_allow(int64_t allocations);
int64_t tests_held(void);

Input input_of(const uint8_t *data, size_t size) {
    Input input = {.data = data};
    size_t settings = size < SETTINGS ? size : SETTINGS;
    input.size = size - settings;
    memcpy(input.setting, data + input.size, settings);
    if (choose(&input, 32) == 1 && input.size) {
        size_t at = choose(&input, 256) * input.size / 256;
        input.longer = malloc(input.size + STRETCHED);
        memcpy(input.longer, data, at);
        memset(input.longer + at, data[at], STRETCHED);
        memcpy(input.longer + at + STRETCHED, data + at, input.size - at);
        input.data = input.longer;
        input.size += STRETCHED;
    }
    return input;
}

void input_free(Input *input) { free(input->longer); }

uint32_t choose(Input *input, uint32_t limit) {
    uint32_t chosen = 0;
    for (uint32_t range = 1; range < limit && input->taken < SETTINGS; range *= 256)
        chosen = chosen * 256 + input->setting[input->taken++];
    return limit ? chosen % limit : 0;
}

void text_add(Text *text, const void *data, size_t size) {
    if (text->capacity - text->size < size) {
        text->capacity = (text->size + size) * 2;
        text->data = realloc(text->data, text->capacity);
    }
    if (size)
        memcpy(text->data + text->size, data, size);
    text->size += size;
}

void text_say(Text *text, const char *said) { text_add(text, said, strlen(said)); }

void text_free(Text *text) {
    free(text->data);
    *text = (Text){0};
}

uint8_t *exactly(const void *data, size_t size) {
    uint8_t *copy = malloc(size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

bool allocations_may_fail(Input *input) {
    bool fail = choose(input, 4) == 1;
    uint32_t first = choose(input, 256); /* most paths make far fewer */
    tests_allow(fail ? (int64_t)first : INT64_MAX);
    return fail;
}

void allocations_succeed(void) { tests_allow(INT64_MAX); }

void all_is_freed(void) {
    allocations_succeed();
    CHECK(tests_held() == 0);
}
