/* The head of an ADV2 group. */
#include "json.h"

void tp_scan_head(Batch *batch, const uint8_t *block, uint64_t size, uint32_t final) {
    Json *j = &(Json){.start = block, .p = block, .end = block + size, .scratch = &batch->scratch, .final = final};
    SCAN_GUARD(batch->report, size);
    batch->report.property_count = 0;
    batch->report.state = 0;
    bool good = json_space(j) && json_open(j) && json_space(j);
    if (good && *j->p == '}') {
        j->p++;
        batch->report.state = 2;
    }
    while (good && !batch->report.state) {
        Member member;
        bool more = true;
        j->scratch->size = 0;
        if (!(good = json_member(j, &member)))
            break;
        const uint8_t *value = j->p, *name = text_data(batch, &member.name);
        if (member.name.size == 4 && !memcmp(name, "data", 4) && *value == '[') {
            j->p++;
            batch->report.state = 1;
        } else if (!(good = json_skip(j, 1))) {
            break;
        }
        batch_property(batch, (uint32_t)(member.key - block), (uint32_t)member.key_size, (uint32_t)(value - block),
                       (uint32_t)(j->p - value));
        if (!batch->report.state)
            good = json_part(j, '}', &more);
        if (good && !more)
            batch->report.state = 2;
    }
    batch->report.consumed = (uint64_t)(j->p - block);
    batch->report.fault = j->fault;
    batch->report.fault_at = j->fault_at ? (uint64_t)(j->fault_at - block) : 0;
}
