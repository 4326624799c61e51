/* Decimal numbers in texts: one grammar, of which each place asks what it allows. */
#ifndef TALLYPORT_NUMBER_H
#define TALLYPORT_NUMBER_H

#include "text.h"

#define NUMBER_LIMIT 249 /* characters, of numbers that are no integers */
#define DIGITS_LIMIT 15 /* significant digits that a number of ADV2 may carry */

/* `-?[0-9]+(\.[0-9]+)?`, taken apart. */
typedef struct {
    const uint8_t *whole, *fraction;
    size_t whole_count, fraction_count;
    bool good, negative;
    bool padded; /* a 0 stands before the whole part */
} Decimal;

static inline Decimal decimal_of(const uint8_t *p, size_t size) {
    const uint8_t *end = p + size;
    Decimal d = {.negative = size && *p == '-'};
    p += d.negative;
    for (d.whole = p; p < end && is_digit(*p); p++)
        ;
    d.whole_count = (size_t)(p - d.whole);
    if (!d.whole_count)
        return d;
    d.padded = d.whole_count > 1 && *d.whole == '0';
    if (p < end && *p == '.') {
        for (d.fraction = ++p; p < end && is_digit(*p); p++)
            ;
        d.fraction_count = (size_t)(p - d.fraction);
        if (!d.fraction_count)
            return d;
    }
    d.good = p == end;
    return d;
}

/* `0`, `-?[1-9][0-9]*` or `-?(0|[1-9][0-9]*)\.[0-9]*[1-9]`: texts that have one spelling as a number. */
static inline bool is_adv2_number(const uint8_t *p, size_t size) {
    Decimal d = decimal_of(p, size);
    if (!d.good || d.padded || (d.fraction_count && d.fraction[d.fraction_count - 1] == '0'))
        return false;
    size_t zeros = *d.whole == '0'; /* before the first significant digit */
    while (zeros && zeros - 1 < d.fraction_count && d.fraction[zeros - 1] == '0')
        zeros++;
    size_t digits = d.whole_count + d.fraction_count - zeros;
    return digits <= DIGITS_LIMIT && (digits || !d.negative);
}

/* Whether a text is a number as DHIS2 reads one, and the nearest double. */
bool number_of(const uint8_t *text, size_t size, double *number);

#endif
