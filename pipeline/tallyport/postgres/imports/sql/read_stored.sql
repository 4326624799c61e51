-- Reads what is stored in the header's scope, up to a limit.
-- Parameters: data_element (its id), units (ids, where they are few; else null), most (null for no limit).
-- Touches as many rows as it read.
insert into stored (lies_at, periodid, unit, combo, attribute, value, deleted, followup, comment)
select
    d.ctid, d.periodid, d.sourceid, d.categoryoptioncomboid, d.attributeoptioncomboid, d.value, d.deleted, d.followup,
    d.comment
from datavalue as d
where d.dataelementid = %(data_element)s::bigint
    and d.periodid = any(array(select periodid from staged_period where periodid is not null))
    and (%(units)s::bigint[] is null or d.sourceid = any(%(units)s::bigint[]))
    and d.sourceid in (select id from staged_unit)
    and d.categoryoptioncomboid in (select id from staged_combo)
    and d.attributeoptioncomboid in (select id from staged_attribute)
limit %(most)s::bigint;
