-- Leaves out rows of periods that lie outside the dates of their attribute options.
-- Parameters: periods, attributes: places of the pairs that do not go together.
with gone as (
    delete from staged
    using unnest(%(periods)s::integer[], %(attributes)s::bigint[]) as refused (period, attribute)
    where period_place = refused.period and attribute_place = refused.attribute
--> counted
