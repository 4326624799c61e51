/* Texts that are numbers, as doubles: the nearest there is, whatever the number of digits. */
#include "number.h"

#define EXACT_DIGITS 19 /* that 64 bits hold */
#define EXACT_POWER 22  /* of ten that a double holds exactly */
#define LIMBS 32        /* 1,024 bits: more than 249 digits take */

/* A natural number, its lowest 32 bits first. */
typedef struct {
    uint32_t limb[LIMBS];
    size_t count;
} Natural;

static void natural_add_digit(Natural *n, uint32_t digit) {
    uint64_t carry = digit;
    for (size_t i = 0; i < n->count; i++) {
        carry += (uint64_t)n->limb[i] * 10;
        n->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        n->limb[n->count++] = (uint32_t)carry;
}

static int natural_compare(const Natural *a, const Natural *b) {
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = a->count; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static void natural_subtract(Natural *a, const Natural *b) {
    int64_t borrow = 0;
    for (size_t i = 0; i < a->count; i++) {
        int64_t rest = (int64_t)a->limb[i] - (i < b->count ? b->limb[i] : 0) + borrow;
        a->limb[i] = (uint32_t)rest;
        borrow = rest < 0 ? -1 : 0;
    }
    while (a->count && !a->limb[a->count - 1])
        a->count--;
}

static void natural_double(Natural *n) {
    uint32_t carry = 0;
    for (size_t i = 0; i < n->count; i++) {
        uint32_t top = n->limb[i] >> 31;
        n->limb[i] = n->limb[i] << 1 | carry;
        carry = top;
    }
    if (carry)
        n->limb[n->count++] = carry;
}

/* Of numbers with at most 249 characters none is below 2^-1022. */
static double power_of_two(int power) {
    uint64_t bits = (uint64_t)(power + 1023) << 52;
    double found;
    memcpy(&found, &bits, sizeof found);
    return found;
}

/* above / below, rounded to the nearest double, of two the even one: long division, a binary place a turn. */
static double nearest_ratio(Natural *above, Natural *below) {
    int power = 0;
    if (!above->count)
        return 0;
    for (; natural_compare(above, below) >= 0; power++)
        natural_double(below);
    for (; natural_compare(above, below) < 0; power--)
        natural_double(above);
    /* below <= above < 2 below */
    uint64_t bits = 0;
    for (int place = 0; place < 54; place++) {
        bool is_set = natural_compare(above, below) >= 0;
        bits = bits << 1 | is_set;
        if (is_set)
            natural_subtract(above, below);
        natural_double(above);
    }
    bool half = bits & 1;
    bits >>= 1;
    bits += half && (above->count || bits & 1);
    return (double)bits * power_of_two(power - 52);
}

static double nearest(const Decimal *d) {
    Natural above = {.count = 0}, below = {.limb = {1}, .count = 1};
    for (size_t i = 0; i < d->whole_count; i++)
        natural_add_digit(&above, d->whole[i] - '0');
    for (size_t i = 0; i < d->fraction_count; i++) {
        natural_add_digit(&above, d->fraction[i] - '0');
        natural_add_digit(&below, 0);
    }
    return nearest_ratio(&above, &below);
}

bool number_of(const uint8_t *text, size_t size, double *number) {
    static const double power[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    Decimal d = decimal_of(text, size);
    if (!d.good || d.padded || size > NUMBER_LIMIT)
        return false;
    double found;
    if (d.whole_count + d.fraction_count <= EXACT_DIGITS) {
        uint64_t digits = 0;
        for (size_t i = 0; i < d.whole_count; i++)
            digits = digits * 10 + (d.whole[i] - '0');
        for (size_t i = 0; i < d.fraction_count; i++)
            digits = digits * 10 + (d.fraction[i] - '0');
        bool is_exact = digits <= UINT64_C(1) << 53;
        found = is_exact ? (double)digits / power[d.fraction_count] : nearest(&d);
    } else {
        found = nearest(&d);
    }
    *number = d.negative ? -found : found;
    return true;
}
