/* The head of an ADV2 group. */
#include "json.h"

void tp_scan_head(Batch *batch, const uint8_t *block, uint64_t size, uint32_t final) {
    Json *j = &(Json){.start = block, .p = block, .end = block + size, .scratch = &batch->scratch, .final = final};
    SCAN_GUARD(batch->report, size);
    batch->report.property_count = 0;
    batch->report.state = 0;
    bool good = json_space(j);
    if (good && *j->p != '{') {
        bool starts_value = *j->p && strchr("[\"-0123456789tfn", *j->p);
        good = json_fail(j, starts_value ? FAULT_STRUCTURE : FAULT_SYNTAX, j->p);
    } else if (good) {
        j->p++;
    }
    for (bool first = true; good; first = false) {
        const uint8_t *key, *name;
        size_t name_size;
        bool escaped;
        if (!(good = json_space(j)))
            break;
        if (*j->p == '}' && first) {
            j->p++;
            batch->report.state = 2;
            break;
        }
        key = j->p;
        if (*key != '"') {
            good = json_fail(j, FAULT_SYNTAX, key);
            break;
        }
        j->p++;
        if (!(good = json_string(j, &name, &name_size, &escaped)))
            break;
        size_t key_size = (size_t)(j->p - key);
        if (!(good = json_space(j)))
            break;
        if (*j->p != ':') {
            good = json_fail(j, FAULT_SYNTAX, j->p);
            break;
        }
        j->p++;
        if (!(good = json_space(j)))
            break;
        const uint8_t *value = j->p;
        if (escaped) {
            j->scratch->size = 0;
            json_unescape(j->scratch, name, name_size);
            name = j->scratch->data;
            name_size = j->scratch->size;
        }
        if (name_size == 4 && !memcmp(name, "data", 4) && *value == '[') {
            j->p++;
            batch_property(batch, (uint32_t)(key - block), (uint32_t)key_size, (uint32_t)(value - block), 1);
            batch->report.state = 1;
            break;
        }
        if (!(good = json_skip(j, 1)))
            break;
        batch_property(batch, (uint32_t)(key - block), (uint32_t)key_size, (uint32_t)(value - block),
                       (uint32_t)(j->p - value));
        if (!(good = json_space(j)))
            break;
        uint8_t c = *j->p;
        if (c != ',' && c != '}') {
            good = json_fail(j, FAULT_SYNTAX, j->p);
            break;
        }
        j->p++;
        if (c == '}') {
            batch->report.state = 2;
            break;
        }
    }
    batch->report.consumed = (uint64_t)(j->p - block);
    batch->report.fault = j->fault;
    batch->report.fault_at = j->fault_at ? (uint64_t)(j->fault_at - block) : 0;
}
