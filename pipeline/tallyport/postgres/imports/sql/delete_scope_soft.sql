-- Marks as deleted what is stored in a stretch of the header's scope and has no row, as DHIS2 does: without a value.
-- What an ignored row names stays.
-- Parameters: data_element (its id), username; units (how many the header has), start, end (blocks of the stretch).
-- Touches as many rows as were live.
update datavalue as d
set deleted = true, value = null, lastupdated = now(), storedby = %(username)s::text
from staged_period as p, staged_unit as u
where d.dataelementid = %(data_element)s::bigint
    and d.periodid = any(array(select periodid from staged_period where periodid is not null))
    and not d.deleted
    and p.periodid = d.periodid and u.id = d.sourceid
    and p.place::bigint * %(units)s + u.place >= %(start)s and p.place::bigint * %(units)s + u.place < %(end)s
    and d.categoryoptioncomboid in (select id from staged_combo)
    and d.attributeoptioncomboid in (select id from staged_attribute)
    and not exists (
        select
        from staged as s
        join staged_combo as c on c.place = s.combo_place
        join staged_attribute as a on a.place = s.attribute_place
        where s.period_place = p.place and s.unit_place = u.place
            and c.id = d.categoryoptioncomboid and a.id = d.attributeoptioncomboid
    )
    and not exists (
        select
        from kept as k
        join staged_combo as c on c.place = k.combo_place
        join staged_attribute as a on a.place = k.attribute_place
        where k.period_place = p.place and k.unit_place = u.place
            and c.id = d.categoryoptioncomboid and a.id = d.attributeoptioncomboid
    );
