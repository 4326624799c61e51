/* A legacy file on its way to ADV2 and back, by the calls that Python makes (conversion/ and legacy/). */
#ifndef FUZZ_CHAIN_H
#define FUZZ_CHAIN_H

#include "input.h"

enum Format { FORMAT_JSON, FORMAT_CSV, FORMAT_XML, FORMAT_ADX, FORMAT_TUPLES };

/* Read an input in one block and in several, write what it holds in memory and by way of runs, read that as ADV2 and
 * write it back: whichever way, the result has to be the same. `layout`: of CSV. */
int drive(enum Format format, Input *input, const Layout *layout);

/* What a judge made of ADV2 rows: the batches of accepted ones, and as text all that an import is given. */
typedef struct {
    uint64_t rows, accepted, ignored;
    uint32_t state, fault;
    RowBatch **batches;
    size_t batch_count;
    Text lines, named;
} Judged;

/* Judge rows in blocks; `asks`: texts that only the caller can judge are handed to it. False: out of memory. */
bool judge_rows(const RowRules *rules, const uint8_t *text, size_t size, size_t block_bytes, bool asks, Judged *judged);
void judged_free(Judged *judged);
/* Both are the same but for how their rows are parted. */
bool same_judged(const Judged *a, const Judged *b);

/* Write accepted rows back in a legacy format, read that again, and compare how many there are. False: out of memory. */
bool write_back(const RowRules *rules, const Judged *judged, uint32_t escape, bool grouped);

#endif
