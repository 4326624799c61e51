-- Compares the rows of an undo with what is stored: plans those that differ in anything, who and when included.
-- Parameters: data_element (its id).
-- Result: change (insert, update, undelete, delete), how many; staged rows that are in none change nothing.
with compared as (
    select
        s.row_number, d.ctid as lies_at, p.periodid, u.id as unit, c.id as combo, a.id as attribute,
        s.value, s.deleted, s.followup, s.comment, d.value as before, d.deleted as was_deleted,
        (s.value, s.deleted, s.followup, s.comment, s.storedby, s.created, s.lastupdated)
            is distinct from (d.value, d.deleted, d.followup, d.comment, d.storedby, d.created, d.lastupdated) as differs
    from staged as s
    join staged_period as p on p.place = s.period_place
    join staged_unit as u on u.place = s.unit_place
    join staged_combo as c on c.place = s.combo_place
    join staged_attribute as a on a.place = s.attribute_place
    left join datavalue as d
        on d.dataelementid = %(data_element)s::bigint
        and d.periodid = p.periodid and d.sourceid = u.id
        and d.categoryoptioncomboid = c.id and d.attributeoptioncomboid = a.id
), written as (
    insert into planned (
        group_number, row_number, lies_at, data_element, periodid, unit, combo, attribute, value, deleted, followup,
        comment, before, change
    )
    select
        0, row_number, lies_at, %(data_element)s::bigint, periodid, unit, combo, attribute, value, deleted, followup, comment, before,
        case
            when was_deleted is null then 'insert'
            when deleted and not was_deleted then 'delete'
            when was_deleted and not deleted then 'undelete'
            else 'update'
        end
    from compared
    where lies_at is null or differs
    returning change
)
select change, count(*) from written group by change;
