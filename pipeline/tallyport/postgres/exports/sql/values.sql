-- The values to export, in the form and the order of fields that native/scan_tuples.c reads.
-- Parameters: data_elements, periods, org_units, attribute_combos (ids, null for all); updated_since (null for ever);
-- deleted (whether values that are marked deleted are meant too).
copy (
    select
        d.dataelementid, d.periodid, d.sourceid, d.categoryoptioncomboid, d.attributeoptioncomboid, null::bigint,
        d.value, d.comment, d.deleted, d.followup, d.storedby is not null
    from datavalue as d
    where (%(data_elements)s::bigint[] is null or d.dataelementid = any(%(data_elements)s::bigint[]))
        and (%(periods)s::bigint[] is null or d.periodid = any(%(periods)s::bigint[]))
        and (%(org_units)s::bigint[] is null or d.sourceid = any(%(org_units)s::bigint[]))
        and (%(attribute_combos)s::bigint[] is null or d.attributeoptioncomboid = any(%(attribute_combos)s::bigint[]))
        and (%(updated_since)s::timestamp is null or d.lastupdated >= %(updated_since)s::timestamp)
        and (%(deleted)s or not d.deleted)
) to stdout (format binary)
