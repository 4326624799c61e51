    -- Result: group's number, change (insert, update, undelete, delete), how many; rows that are in none change nothing.
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
    where was_deleted is null or differs
    returning group_number, change
)
select group_number, change, count(*) from written group by group_number, change;
