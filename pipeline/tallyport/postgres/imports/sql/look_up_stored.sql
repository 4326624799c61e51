-- Looks up what is stored under the keys of the staged rows, one by one, whatever the planner believes of the tables.
insert into stored (group_number, lies_at, periodid, unit, combo, attribute, value, deleted, followup, comment)
select s.group_number, d.ctid, p.periodid, u.id, c.id, a.id, d.value, d.deleted, d.followup, d.comment
from staged as s
--> placed
cross join lateral (
    select o.ctid, o.value, o.deleted, o.followup, o.comment
    from datavalue as o
    where o.dataelementid = p.data_element and o.periodid = p.periodid and o.sourceid = u.id
        and o.categoryoptioncomboid = c.id and o.attributeoptioncomboid = a.id
    limit 1
) as d;
