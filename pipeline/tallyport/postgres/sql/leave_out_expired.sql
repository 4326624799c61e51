-- Leaves out rows of periods that are past the data set's expiry days, save where a lock exception keeps them open.
-- Parameters: data_sets (ids), periods: the places of these periods.
-- Result: how many, and the first of them.
with excepted as (
    select p.place as period, u.place as unit
    from staged_period as p
    join lockexception as x using (periodid)
    join staged_unit as u on u.id = x.organisationunitid
    where x.datasetid = any(%(data_sets)s::bigint[])
), gone as (
    delete from staged
    where period_place = any(%(periods)s::integer[])
        and (period_place, unit_place) not in (select period, unit from excepted)
    returning row_number
)
select count(*), min(row_number) from gone;
