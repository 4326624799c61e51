-- How many values that a group would delete stay, as ignored rows name them, in a stretch of the header's scope.
-- Parameters: data_element (its id), all (whether those that are marked as deleted count too); units (how many the
-- header has), start, end (blocks of the stretch).
-- Result: how many; the first of the rows.
select count(*), min(k.row_number)
from (
    select period_place, unit_place, combo_place, attribute_place, min(row_number) as row_number
    from kept
    group by period_place, unit_place, combo_place, attribute_place
) as k
join staged_period as p on p.place = k.period_place
join staged_unit as u on u.place = k.unit_place
join staged_combo as c on c.place = k.combo_place
join staged_attribute as a on a.place = k.attribute_place
join datavalue as d
    on d.periodid = p.periodid and d.sourceid = u.id and d.categoryoptioncomboid = c.id
    and d.attributeoptioncomboid = a.id
where d.dataelementid = %(data_element)s::bigint
    and d.periodid = any(array(select periodid from staged_period where periodid is not null))
    and (%(all)s::boolean or not d.deleted)
    and p.place::bigint * %(units)s + u.place >= %(start)s and p.place::bigint * %(units)s + u.place < %(end)s
    and not exists (
        select
        from staged as s
        where s.period_place = k.period_place and s.unit_place = k.unit_place
            and s.combo_place = k.combo_place and s.attribute_place = k.attribute_place
    );
