-- Marks as deleted what is stored in the header's scope and has no row, as DHIS2 does: without a value.
-- Parameters: data_element (its id), username.
-- Result: how many were live.
with gone as (
    update datavalue as d
    set deleted = true, value = null, lastupdated = now(), storedby = %(username)s::text
    where d.dataelementid = %(data_element)s::bigint
        and not d.deleted
        and d.periodid in (select periodid from staged_period where periodid is not null)
        and d.sourceid in (select id from staged_unit)
        and d.categoryoptioncomboid in (select id from staged_combo)
        and d.attributeoptioncomboid in (select id from staged_attribute)
        and not exists (
            select
            from staged as s
            join staged_period as p on p.place = s.period_place
            join staged_unit as u on u.place = s.unit_place
            join staged_combo as c on c.place = s.combo_place
            join staged_attribute as a on a.place = s.attribute_place
            where p.periodid = d.periodid and u.id = d.sourceid
                and c.id = d.categoryoptioncomboid and a.id = d.attributeoptioncomboid
        )
    returning 1
)
select count(*) from gone;
