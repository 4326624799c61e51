-- Leaves out rows whose category options have no option combo, of either kind.
-- Parameters: all_rows.
-- Result: how many, the first of them, and all of them if `all_rows` says so.
with gone as (
    delete from staged
    where combo_place not in (select place from staged_combo)
        or attribute_place not in (select place from staged_attribute)
    returning row_number
)
select count(*), min(row_number), array_agg(row_number) filter (where %(all_rows)s::boolean) from gone;
