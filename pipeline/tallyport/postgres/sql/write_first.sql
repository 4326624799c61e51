-- Writes the staged rows where nothing is stored in the group's scope. Another's value under the same key, stored
-- since, is written over as an update would have done.
-- An empty comment is none.
-- Parameters: data_element (its id), username, keeps (whether a null comment keeps what is stored).
-- Touches as many rows as it wrote.
insert into datavalue as o (
    dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid,
    value, storedby, created, lastupdated, comment, followup, deleted
)
select
    %(data_element)s::bigint, p.periodid, u.id, c.id, a.id,
    s.value, %(username)s::text, now(), now(), nullif(s.comment, ''), coalesce(s.followup, false), s.deleted
from staged as s
join staged_period as p on p.place = s.period_place
join staged_unit as u on u.place = s.unit_place
join staged_combo as c on c.place = s.combo_place
join staged_attribute as a on a.place = s.attribute_place
on conflict (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid) do update
set value = excluded.value, deleted = excluded.deleted, lastupdated = excluded.lastupdated,
    storedby = excluded.storedby, followup = excluded.followup,
    comment = case when %(keeps)s::boolean then coalesce(excluded.comment, o.comment) else excluded.comment end;
