-- Leaves out rows for which DHIS2 2.42 stores nothing: zeros of numbers where they are not significant and matter to no
-- average, blank texts without a comment. Where something is stored they become its deletion.
-- Parameters: numbers (the groups, by number, whose values are some), all_rows.
-- Result, where there are some, for each group one row for zeros and one for blanks: group's number, whether it is for
-- zeros; how many rows, and the first; how many were left out, and all of these if `all_rows` says so.
with nothing as materialized (
    select
        s.ctid as lies_at, s.group_number, s.row_number, s.value is not null as is_zero,
        exists (
            select
            from datavalue as d
            where d.dataelementid = p.data_element and d.periodid = p.periodid and d.sourceid = u.id
                and d.categoryoptioncomboid = c.id and d.attributeoptioncomboid = a.id and not d.deleted
        ) as is_stored
    from staged as s
    --> placed
    join dataelement as e on e.dataelementid = p.data_element
    where not s.deleted
        and case
            when s.value is null then coalesce(s.comment, '') = ''
            else s.value ~ '^0(\.0*)?$' and s.group_number = any(%(numbers)s::integer[])
                and not (e.zeroissignificant or coalesce(e.aggregationtype in ('AVERAGE', 'AVERAGE_SUM_ORG_UNIT'), false))
        end
), gone as (
    delete from staged using nothing where staged.ctid = nothing.lies_at and not nothing.is_stored
), deleted as (
    update staged
    set value = null, deleted = true, comment = null
    from nothing
    where staged.ctid = nothing.lies_at and nothing.is_stored
)
select
    group_number, is_zero, count(*), min(row_number), count(*) filter (where not is_stored),
    array_agg(row_number) filter (where %(all_rows)s::boolean and not is_stored)
from nothing
group by group_number, is_zero;
