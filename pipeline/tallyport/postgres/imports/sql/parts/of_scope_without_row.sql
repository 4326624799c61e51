where d.dataelementid = %(data_element)s::bigint
    and d.periodid = any(array(select periodid from staged_period where periodid is not null))
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
    )
