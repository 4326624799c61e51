/* A sheet of a workbook, or its shared strings: in one block and in many they give the same records. */
#include "input.h"

/* Scan in blocks; false: out of memory. `fault` is that which ended it. */
static bool scan(const Input *input, uint32_t strings, size_t block_bytes, Text *records, uint32_t *fault) {
    Sheet *sheet = tp_sheet_new(strings);
    Text rest = {0};
    size_t at = 0;
    bool remembered = sheet != NULL, final = false;
    *fault = FAULT_NONE;
    while (remembered && !final && *fault == FAULT_NONE) {
        size_t wanted = block_bytes > rest.size / 2 ? block_bytes : rest.size / 2; /* no byte is copied very often */
        size_t size = input->size - at < wanted ? input->size - at : wanted;
        text_add(&rest, input->data + at, size);
        at += size;
        final = at == input->size;
        uint8_t *block = exactly(rest.data, rest.size);
        uint64_t made;
        const uint8_t *text = tp_sheet_scan(sheet, block, rest.size, final, &made);
        const SheetReport *report = tp_sheet_report(sheet);
        *fault = report->fault;
        remembered = *fault != FAULT_NO_MEMORY;
        if (remembered) {
            CHECK(text && report->consumed <= rest.size);
            text_add(records, text, made);
            rest.size -= report->consumed;
            if (rest.size)
                memmove(rest.data, rest.data + report->consumed, rest.size);
        }
        free(block);
    }
    CHECK(!remembered || *fault || !rest.size);
    text_free(&rest);
    tp_sheet_free(sheet);
    return remembered;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input = input_of(data, size);
    Text whole = {0}, parts = {0};
    uint32_t strings = choose(&input, 2), fault, fault_of_parts;
    size_t block_bytes = 1 + choose(&input, 200);
    if (allocations_may_fail(&input)) {
        scan(&input, strings, input.size + 1, &whole, &fault);
        allocations_succeed();
    } else {
        CHECK(scan(&input, strings, input.size + 1, &whole, &fault));
        CHECK(scan(&input, strings, block_bytes, &parts, &fault_of_parts));
        CHECK(!fault == !fault_of_parts);
        CHECK(fault || whole.size == parts.size);
        CHECK(fault || !whole.size || !memcmp(whole.data, parts.data, whole.size));
    }
    text_free(&whole);
    text_free(&parts);
    input_free(&input);
    all_is_freed();
    return 0;
}
