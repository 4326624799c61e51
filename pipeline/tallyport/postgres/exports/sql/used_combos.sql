-- The data elements of the values to export with the option combos that they have there.
-- Parameters: the filters of values.sql.
-- Result: data element, category option combo, attribute option combo (ids).
select distinct d.dataelementid, d.categoryoptioncomboid, d.attributeoptioncomboid
from datavalue as d
where (%(data_elements)s::bigint[] is null or d.dataelementid = any(%(data_elements)s::bigint[]))
    and (%(periods)s::bigint[] is null or d.periodid = any(%(periods)s::bigint[]))
    and (%(org_units)s::bigint[] is null or d.sourceid = any(%(org_units)s::bigint[]))
    and (%(attribute_combos)s::bigint[] is null or d.attributeoptioncomboid = any(%(attribute_combos)s::bigint[]))
    and (%(updated_since)s::timestamp is null or d.lastupdated >= %(updated_since)s::timestamp)
    and (%(deleted)s or not d.deleted);
