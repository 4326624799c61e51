/* What fields of data values are called: by DHIS2 itself, letter by letter; and the names under which they circulate, in any
 * letter case, with `_`, `-`, a space or nothing between words. See docs/formats/README.md.
 */
#include "batch.h"

enum Field meant(const Meant *names, const uint8_t *name, size_t size) {
    for (; names->name; names++)
        if (strlen(names->name) == size && same_bytes((const uint8_t *)names->name, name, size))
            break;
    return names->field;
}

const Meant ROW_FIELDS[] = {
    {"dataElement", (enum Field)DE},
    {"period", (enum Field)PE},
    {"orgUnit", (enum Field)OU},
    {"categoryOptionCombo", (enum Field)COC},
    {"attributeOptionCombo", (enum Field)AOC},
    {"value", FIELD_VALUE},
    {"storedBy", FIELD_STORED_BY},
    {"created", FIELD_CREATED},
    {"lastUpdated", FIELD_LAST_UPDATED},
    {"comment", FIELD_COMMENT},
    {"followup", FIELD_FOLLOWUP},
    {"followUp", FIELD_FOLLOWUP},
    {"follow_up", FIELD_FOLLOWUP},
    {"flwup", FIELD_FOLLOWUP},
    {"deleted", FIELD_DELETED},
    {NULL, FIELD_UNKNOWN},
};

#define LONGEST 48 /* letters of a name that may be known */

static const struct {
    const char *name;
    uint8_t field;
    uint8_t named_by;
    bool of_identifiers; /* `Id`, `Uid`, `Code` and `Name` may stand behind it */
} NAMES[] = {
    {"dataelement", DE, NAMED_BY_OTHERWISE, true},
    {"dataelelement", DE, NAMED_BY_OTHERWISE, false}, /* a misprint that spread */
    {"de", DE, NAMED_BY_OTHERWISE | NAMED_SHORT, true},
    {"period", PE, NAMED_BY_OTHERWISE, true},
    {"periodiso", PE, NAMED_BY_OTHERWISE, false},
    {"isoperiod", PE, NAMED_BY_OTHERWISE, false},
    {"pe", PE, NAMED_BY_OTHERWISE | NAMED_SHORT, true},
    {"orgunit", OU, NAMED_BY_OTHERWISE, true},
    {"organisationunit", OU, NAMED_BY_OTHERWISE, true},
    {"organizationunit", OU, NAMED_BY_OTHERWISE, true},
    {"ou", OU, NAMED_BY_OTHERWISE | NAMED_SHORT, true},
    {"source", OU, NAMED_BY_OLD_NAME | NAMED_SHORT, false},
    {"categoryoptioncombo", COC, NAMED_BY_OTHERWISE, true},
    {"categoryoptioncombos", COC, NAMED_BY_OTHERWISE, false},
    {"categoryoptioncombination", COC, NAMED_BY_OTHERWISE, true},
    {"categoryoptcombo", COC, NAMED_BY_OTHERWISE, true},
    {"catoptioncombo", COC, NAMED_BY_OTHERWISE, true},
    {"catoptcombo", COC, NAMED_BY_OTHERWISE, true},
    {"catoptcombos", COC, NAMED_BY_OTHERWISE, false},
    {"coc", COC, NAMED_BY_OTHERWISE | NAMED_SHORT, true},
    {"attributeoptioncombo", AOC, NAMED_BY_OTHERWISE, true},
    {"attributeoptioncombos", AOC, NAMED_BY_OTHERWISE, false},
    {"attributeoptioncombination", AOC, NAMED_BY_OTHERWISE, true},
    {"attributecategoryoptioncombo", AOC, NAMED_BY_OTHERWISE, true},
    {"attributeoptcombo", AOC, NAMED_BY_OTHERWISE, true},
    {"attroptioncombo", AOC, NAMED_BY_OTHERWISE, true},
    {"attroptcombo", AOC, NAMED_BY_OTHERWISE, true},
    {"attroptcombos", AOC, NAMED_BY_OTHERWISE, false},
    {"acoc", AOC, NAMED_BY_OTHERWISE | NAMED_SHORT, true},
    {"aoc", AOC, NAMED_BY_OTHERWISE | NAMED_SHORT, true},
    {"dataset", DS, NAMED_BY_OTHERWISE, true},
    {"value", FIELD_VALUE, NAMED_BY_OTHERWISE, false},
    {"comment", FIELD_COMMENT, NAMED_BY_OTHERWISE, false},
    {"comments", FIELD_COMMENT, NAMED_BY_OTHERWISE, false},
    {"cmt", FIELD_COMMENT, NAMED_BY_OTHERWISE | NAMED_SHORT, false},
    {"followup", FIELD_FOLLOWUP, NAMED_BY_OTHERWISE, false},
    {"isfollowup", FIELD_FOLLOWUP, NAMED_BY_OTHERWISE, false},
    {"flwup", FIELD_FOLLOWUP, NAMED_BY_OTHERWISE, false},
    {"deleted", FIELD_DELETED, NAMED_BY_OTHERWISE, false},
    {"isdeleted", FIELD_DELETED, NAMED_BY_OTHERWISE, false},
    {"storedby", FIELD_STORED_BY, NAMED_BY_OTHERWISE, false},
    {"strby", FIELD_STORED_BY, NAMED_BY_OTHERWISE, false},
    {"createdby", FIELD_STORED_BY, NAMED_BY_OTHERWISE, false},
    {"lastupdatedby", FIELD_STORED_BY, NAMED_BY_OTHERWISE, false},
    {"created", FIELD_CREATED, NAMED_BY_OTHERWISE, false},
    {"createdat", FIELD_CREATED, NAMED_BY_OTHERWISE, false},
    {"lastupdated", FIELD_LAST_UPDATED, NAMED_BY_OTHERWISE, false},
    {"lastupd", FIELD_LAST_UPDATED, NAMED_BY_OTHERWISE, false},
    {"lstupd", FIELD_LAST_UPDATED, NAMED_BY_OTHERWISE, false},
    {"updatedat", FIELD_LAST_UPDATED, NAMED_BY_OTHERWISE, false},
    {"timestamp", FIELD_LAST_UPDATED, NAMED_BY_OTHERWISE, false},
};

static const struct {
    const char *end;
    uint8_t named_by;
} SUFFIXES[] = {
    {"uid", NAMED_BY_OTHERWISE},       {"id", NAMED_BY_OTHERWISE},      {"code", NAMED_BY_CODE},
    {"displayname", NAMED_BY_NAME}, {"shortname", NAMED_BY_NAME}, {"name", NAMED_BY_NAME},
};

static enum Field known(const char *plain, size_t size, bool has_suffix, uint32_t *named_by) {
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (NAMES[i].name[0] == plain[0] && (NAMES[i].of_identifiers || !has_suffix) &&
            strlen(NAMES[i].name) == size && !memcmp(NAMES[i].name, plain, size)) {
            *named_by = NAMES[i].named_by;
            return (enum Field)NAMES[i].field;
        }
    return FIELD_UNKNOWN;
}

enum Field field_named(const uint8_t *name, size_t size, uint32_t *named_by) {
    char plain[LONGEST];
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (name[i] == '_' || name[i] == '-' || name[i] == ' ' || name[i] == '\t')
            continue;
        if (length == LONGEST)
            return FIELD_UNKNOWN;
        plain[length++] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
    }
    if (!length)
        return FIELD_UNKNOWN;
    enum Field field = known(plain, length, false, named_by);
    for (size_t i = 0; field == FIELD_UNKNOWN && i < sizeof SUFFIXES / sizeof *SUFFIXES; i++) {
        size_t end = strlen(SUFFIXES[i].end);
        if (length <= end || memcmp(plain + length - end, SUFFIXES[i].end, end))
            continue;
        field = known(plain, length - end, true, named_by);
        *named_by = (*named_by & NAMED_SHORT) | SUFFIXES[i].named_by;
    }
    return field;
}

uint32_t tp_field_named(const uint8_t *name, uint64_t size, uint32_t *named_by) {
    *named_by = 0;
    return field_named(name, size, named_by);
}
