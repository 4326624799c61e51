/* DXF2 JSON on its way to ADV2 and back. */
#include "chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input = input_of(data, size);
    return drive(FORMAT_JSON, &input, NULL);
}
