-- Looks up what is stored under the keys of the staged rows, one by one, whatever the planner believes of the tables.
-- Parameters: data_element (its id).
insert into stored (periodid, unit, combo, attribute, value, deleted, followup, comment)
select p.periodid, u.id, c.id, a.id, d.value, d.deleted, d.followup, d.comment
from staged as s
join staged_period as p on p.place = s.period_place
join staged_unit as u on u.place = s.unit_place
join staged_combo as c on c.place = s.combo_place
join staged_attribute as a on a.place = s.attribute_place
cross join lateral (
    select o.value, o.deleted, o.followup, o.comment
    from datavalue as o
    where o.dataelementid = %(data_element)s::bigint and o.periodid = p.periodid and o.sourceid = u.id
        and o.categoryoptioncomboid = c.id and o.attributeoptioncomboid = a.id
    limit 1
) as d;
