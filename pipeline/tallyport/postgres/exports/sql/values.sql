-- The values to export, in the form and the order of fields that native/scan_tuples.c reads.
-- Parameters: data_elements, periods, org_units, attribute_combos (ids, null for all); updated_since (null for ever);
-- deleted (whether values that are marked deleted are meant too).
copy (
    select
        d.dataelementid, d.periodid, d.sourceid, d.categoryoptioncomboid, d.attributeoptioncomboid, null::bigint,
        d.value, d.comment, d.deleted, d.followup, d.storedby is not null
    from datavalue as d
    --> chosen
) to stdout (format binary)
