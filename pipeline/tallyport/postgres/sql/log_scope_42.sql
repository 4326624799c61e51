-- Writes the change log of what `delete_scope_soft` is about to do, as DHIS2 2.42 has it: the value before. 2.43 has a
-- trigger for it. Comes before that step.
-- Parameters: data_element (its id), username.
insert into datavalueaudit (
    datavalueauditid, dataelementid, periodid, organisationunitid, categoryoptioncomboid, attributeoptioncomboid,
    value, created, modifiedby, audittype
)
select
    nextval('datavalueaudit_sequence'), d.dataelementid, d.periodid, d.sourceid, d.categoryoptioncomboid,
    d.attributeoptioncomboid, d.value, now(), left(%(username)s::text, 100), 'DELETE'
from datavalue as d
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
    );
