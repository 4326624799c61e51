-- Writes the staged rows where nothing is stored in the scope of any group that is staged. Another's value under the same key, stored
-- since, is written over as an update would have done.
-- An empty comment is none.
-- Parameters: username, keeps (whether a null comment keeps what is stored).
-- Touches as many rows as it wrote.
insert into datavalue as o (
    dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid,
    value, storedby, created, lastupdated, comment, followup, deleted
)
select
    p.data_element, p.periodid, u.id, c.id, a.id,
    s.value, %(username)s::text, now(), now(), nullif(s.comment, ''), coalesce(s.followup, false), s.deleted
from staged as s
join staged_period as p on p.place = s.period_place and p.group_number = s.group_number
join staged_unit as u on u.place = s.unit_place and u.group_number = s.group_number
join staged_combo as c on c.place = s.combo_place and c.group_number = s.group_number
join staged_attribute as a on a.place = s.attribute_place and a.group_number = s.group_number
on conflict (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid) do update
set value = excluded.value, deleted = excluded.deleted, lastupdated = excluded.lastupdated,
    storedby = excluded.storedby, followup = excluded.followup,
    comment = case when %(keeps)s::boolean then coalesce(excluded.comment, o.comment) else excluded.comment end;
