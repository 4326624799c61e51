-- Writes the rows: under keys that have nothing stored, and over what is stored where they differ from it. A null
-- follow-up or comment keeps what is stored. The change log is written as DHIS2 2.42 does it:
-- the value before, where it was changed or deleted.
-- Each row looks up its own key, whatever the planner believes of the tables; another's row under the same key, stored
-- since, is written over as an update would have done.
-- Parameters: data_element (its id), username.
-- Result: change (insert, update, undelete, delete, unchanged), how many.
with planned as materialized (
    select
        p.periodid, u.id as unit, c.id as combo, a.id as attribute, s.value, s.deleted, d.value as before,
        case when d.deleted is null then coalesce(s.followup, false) else coalesce(s.followup, d.followup) end as followup,
        coalesce(s.comment, d.comment) as comment,
        case
            when d.deleted is null then 'insert'
            when s.deleted and not d.deleted then 'delete'
            when d.deleted and not s.deleted then 'undelete'
            when s.value is distinct from d.value
                or coalesce(s.followup, d.followup) is distinct from d.followup
                or coalesce(s.comment, d.comment) is distinct from d.comment then 'update'
            else 'unchanged'
        end as change
    from staged as s
    join staged_period as p on p.place = s.period_place
    join staged_unit as u on u.place = s.unit_place
    join staged_combo as c on c.place = s.combo_place
    join staged_attribute as a on a.place = s.attribute_place
    left join lateral (
        select o.value, o.deleted, o.followup, o.comment
        from datavalue as o
        where o.dataelementid = %(data_element)s::bigint and o.periodid = p.periodid and o.sourceid = u.id
            and o.categoryoptioncomboid = c.id and o.attributeoptioncomboid = a.id
        limit 1
    ) as d on true
), written as (
    insert into datavalue as o (
        dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid,
        value, storedby, created, lastupdated, comment, followup, deleted
    )
    select
        %(data_element)s::bigint, periodid, unit, combo, attribute,
        value, %(username)s::text, now(), now(), comment, followup, deleted
    from planned
    where change <> 'unchanged'
    on conflict (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid) do update
    set value = excluded.value, deleted = excluded.deleted, lastupdated = excluded.lastupdated,
        storedby = excluded.storedby, comment = coalesce(excluded.comment, o.comment), followup = excluded.followup
), logged as (
    insert into datavalueaudit (
        datavalueauditid, dataelementid, periodid, organisationunitid, categoryoptioncomboid, attributeoptioncomboid,
        value, created, modifiedby, audittype
    )
    select
        nextval('datavalueaudit_sequence'), %(data_element)s::bigint, periodid, unit, combo, attribute,
        before, now(), left(%(username)s::text, 100), upper(change)
    from planned
    where change = 'delete' or (change = 'update' and not deleted and value is distinct from before)
)
select change, count(*) from planned group by change;
