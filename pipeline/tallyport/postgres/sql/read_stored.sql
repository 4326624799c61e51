-- Reads what is stored in the header's scope, up to a limit.
-- Parameters: data_element (its id), most (null for no limit).
-- Touches as many rows as it read.
insert into stored (periodid, unit, combo, attribute, value, deleted, followup, comment)
select
    d.periodid, d.sourceid, d.categoryoptioncomboid, d.attributeoptioncomboid, d.value, d.deleted, d.followup, d.comment
from datavalue as d
where d.dataelementid = %(data_element)s::bigint
    and d.periodid in (select periodid from staged_period where periodid is not null)
    and d.sourceid in (select id from staged_unit)
    and d.categoryoptioncomboid in (select id from staged_combo)
    and d.attributeoptioncomboid in (select id from staged_attribute)
limit %(most)s::bigint;
