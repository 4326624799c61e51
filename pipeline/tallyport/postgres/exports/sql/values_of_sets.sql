-- The values to export, each with the data set that settles its category combos; else as values.sql.
-- Parameters: those of values.sql; set_elements, set_combos, set_attributes, set_ids (ids, side by side: the data
-- set of each data element with these option combos).
copy (
    select
        d.dataelementid, d.periodid, d.sourceid, d.categoryoptioncomboid, d.attributeoptioncomboid, s.datasetid,
        d.value, d.comment, d.deleted, d.followup, d.storedby is not null
    from datavalue as d
    join unnest(
        %(set_elements)s::bigint[], %(set_combos)s::bigint[], %(set_attributes)s::bigint[], %(set_ids)s::bigint[]
    ) as s (dataelementid, categoryoptioncomboid, attributeoptioncomboid, datasetid)
        using (dataelementid, categoryoptioncomboid, attributeoptioncomboid)
    --> chosen
) to stdout (format binary)
