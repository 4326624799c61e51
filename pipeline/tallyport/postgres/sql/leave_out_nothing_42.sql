-- Leaves out rows for which DHIS2 2.42 stores nothing: zeros where they are not significant, blank texts without a
-- comment. Where something is stored they become its deletion.
-- Parameters: data_element (its id), zeros (whether they are left out), all_rows.
-- Result, where there are some, one row for zeros and one for blanks: whether it is for zeros; how many rows, and the
-- first; how many were left out, and all of these if `all_rows` says so.
with nothing as materialized (
    select
        s.ctid as lies_at, s.row_number, s.value is not null as is_zero,
        exists (
            select
            from datavalue as d
            where d.dataelementid = %(data_element)s::bigint and d.periodid = p.periodid and d.sourceid = u.id
                and d.categoryoptioncomboid = c.id and d.attributeoptioncomboid = a.id and not d.deleted
        ) as is_stored
    from staged as s
    join staged_period as p on p.place = s.period_place
    join staged_unit as u on u.place = s.unit_place
    join staged_combo as c on c.place = s.combo_place
    join staged_attribute as a on a.place = s.attribute_place
    where not s.deleted
        and case when s.value is null then coalesce(s.comment, '') = '' else %(zeros)s and s.value ~ '^0(\.0*)?$' end
), gone as (
    delete from staged using nothing where staged.ctid = nothing.lies_at and not nothing.is_stored
), deleted as (
    update staged
    set value = null, deleted = true, comment = null
    from nothing
    where staged.ctid = nothing.lies_at and nothing.is_stored
)
select
    is_zero, count(*), min(row_number), count(*) filter (where not is_stored),
    array_agg(row_number) filter (where %(all_rows)s::boolean and not is_stored)
from nothing
group by is_zero;
