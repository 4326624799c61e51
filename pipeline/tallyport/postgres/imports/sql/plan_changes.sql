-- Compares the staged rows with what is stored: plans those that change something. A null follow-up or comment keeps
-- what is stored, unless the group has removed it; an empty comment removes it.
-- Parameters: keeps (whether it does).
-- Result: group's number, change (insert, update, undelete, delete), how many; staged rows that are in none change nothing.
with compared as (
    select
        s.group_number, s.row_number, d.lies_at, p.data_element, p.periodid, u.id as unit, c.id as combo, a.id as attribute, s.value, s.deleted,
        coalesce(s.followup, case when d.deleted is null or not %(keeps)s::boolean then false else d.followup end)
            as followup,
        case
            when s.comment is null then case when %(keeps)s::boolean then d.comment end
            else nullif(s.comment, '')
        end as comment,
        d.value as before, d.deleted as was_deleted, d.followup as old_followup, d.comment as old_comment
    from staged as s
    join staged_period as p on p.place = s.period_place and p.group_number = s.group_number
    join staged_unit as u on u.place = s.unit_place and u.group_number = s.group_number
    join staged_combo as c on c.place = s.combo_place and c.group_number = s.group_number
    join staged_attribute as a on a.place = s.attribute_place and a.group_number = s.group_number
    left join stored as d
        on d.group_number = s.group_number and d.periodid = p.periodid and d.unit = u.id and d.combo = c.id
            and d.attribute = a.id
), written as (
    insert into planned (
        group_number, row_number, lies_at, data_element, periodid, unit, combo, attribute, value, deleted, followup,
        comment, before, change
    )
    select
        group_number, row_number, lies_at, data_element, periodid, unit, combo, attribute, value, deleted, followup,
        comment, before,
        case
            when was_deleted is null then 'insert'
            when deleted and not was_deleted then 'delete'
            when was_deleted and not deleted then 'undelete'
            else 'update'
        end
    from compared
    where was_deleted is null or was_deleted <> deleted or value is distinct from before
        or followup is distinct from old_followup or coalesce(comment, '') <> coalesce(old_comment, '')
    returning group_number, change
)
select group_number, change, count(*) from written group by group_number, change;
