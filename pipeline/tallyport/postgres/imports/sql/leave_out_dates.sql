-- Leaves out rows of periods that lie outside the dates of their attribute options.
-- Parameters: periods, attributes: places of the pairs that do not go together; all_rows.
-- Result: how many, the first of them, and all of them if `all_rows` says so.
with gone as (
    delete from staged
    using unnest(%(periods)s::integer[], %(attributes)s::bigint[]) as refused (period, attribute)
    where period_place = refused.period and attribute_place = refused.attribute
    returning row_number
)
select count(*), min(row_number), array_agg(row_number) filter (where %(all_rows)s::boolean) from gone;
