/* Values of ADV2 rows, judged by a rule: whether a text is a number as DHIS2 reads it, and in its bounds. */
#include "number.h"
#include "rows.h"

/* The whole part, saturated. */
static int64_t whole_part(const Decimal *d) {
    int64_t whole = 0;
    for (size_t i = 0; i < d->whole_count && whole < INT64_C(1000000000000); i++)
        whole = whole * 10 + (d->whole[i] - '0');
    return d->negative ? -whole : whole;
}

/* Whether what a number has beyond `maximum`, its whole part, is lost when it is read as a double, as DHIS2 does: at most
 * half of the last binary place, which is found by doubling the decimals. The maximum is even in that place, so that a
 * half is rounded down. */
static bool rounds_down(const Decimal *d, int64_t maximum) {
    uint8_t digits[NUMBER_LIMIT];
    size_t count = d->fraction_count; /* fewer than NUMBER_LIMIT: the caller has seen to it */
    const uint8_t *fraction = d->fraction;
    uint32_t places = 53;
    for (int64_t whole = maximum; whole > 1; whole /= 2)
        places--;
    for (size_t i = 0; i < count; i++)
        digits[i] = fraction[i] - '0';
    for (; places; places--) {
        uint8_t carry = 0;
        for (size_t i = count; i-- > 0;) {
            uint8_t doubled = (uint8_t)(digits[i] * 2 + carry);
            carry = doubled >= 10;
            digits[i] = (uint8_t)(doubled % 10);
        }
        if (!carry)
            continue;
        if (places > 1)
            return false;
        for (size_t i = 0; i < count; i++)
            if (digits[i])
                return false;
    }
    return true;
}

static bool blank(const uint8_t *p, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (p[i] > ' ')
            return false;
    return true;
}

static bool fraction_is_zero(const Decimal *d) {
    for (size_t i = 0; i < d->fraction_count; i++)
        if (d->fraction[i] != '0')
            return false;
    return true;
}

enum Flaw check_value(const RowRules *rules, const uint8_t *text, size_t size) {
    if (rules->rule == RULE_NONE || rules->rule == RULE_JUDGED)
        return FLAW_NONE;
    Decimal d = decimal_of(text, size);
    d.good &= !d.padded;
    if (!d.good && blank(text, size))
        return FLAW_NONE; /* DHIS2 checks no type of a blank text */
    if (!d.good || (rules->rule == RULE_NUMBER && size > NUMBER_LIMIT))
        return rules->rule == RULE_NUMBER ? FLAW_NOT_NUMBER : FLAW_NOT_WHOLE;
    int64_t whole = whole_part(&d);
    bool zero_fraction = fraction_is_zero(&d);
    if (rules->rule != RULE_NUMBER) {
        /* 2.43 drops one trailing `.0` first; then `-0` is no integer. */
        if (d.fraction_count && (rules->rule == RULE_DIGITS || d.fraction_count > 1 || !zero_fraction))
            return FLAW_NOT_WHOLE;
        if (d.negative && d.whole_count == 1 && *d.whole == '0')
            return FLAW_NOT_WHOLE;
        return whole < rules->minimum || whole > rules->maximum ? FLAW_OUT_OF_RANGE : FLAW_NONE;
    }
    bool zero = whole == 0 && zero_fraction;
    bool below = d.negative && !zero ? whole < rules->minimum || (whole == rules->minimum && !zero_fraction)
                                     : whole < rules->minimum;
    bool above = whole > rules->maximum || (!d.negative && whole == rules->maximum && !zero_fraction &&
                                            !rounds_down(&d, rules->maximum));
    return below || above ? FLAW_OUT_OF_RANGE : FLAW_NONE;
}
