-- Writes the change log of what `delete_scope_soft` is about to do, as DHIS2 2.42 has it: the value before. 2.43 has a
-- trigger for it. Comes before that step.
-- Parameters: data_element (its id), username; units (how many the header has), start, end (blocks of the stretch).
insert into datavalueaudit (
    datavalueauditid, dataelementid, periodid, organisationunitid, categoryoptioncomboid, attributeoptioncomboid,
    value, created, modifiedby, audittype
)
select
    nextval('datavalueaudit_sequence'), d.dataelementid, d.periodid, d.sourceid, d.categoryoptioncomboid,
    d.attributeoptioncomboid, d.value, now(), left(%(username)s::text, 100), 'DELETE'
from datavalue as d
join staged_period as p on p.periodid = d.periodid
join staged_unit as u on u.id = d.sourceid
where d.dataelementid = %(data_element)s::bigint
    and d.periodid = any(array(select periodid from staged_period where periodid is not null))
    and not d.deleted
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
