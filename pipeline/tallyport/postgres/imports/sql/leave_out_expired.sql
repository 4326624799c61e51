-- Leaves out rows of periods that are past the data set's expiry days, save where a lock exception keeps them open.
-- Parameters: data_sets (ids), periods: the places of these periods.
with gone as (
    delete from staged as s
    where s.period_place = any(%(periods)s::integer[])
        and not exists (
            select
            from staged_period as p
            cross join staged_unit as u
            join lockexception as x on x.periodid = p.periodid and x.organisationunitid = u.id
            where p.place = s.period_place and u.place = s.unit_place and x.datasetid = any(%(data_sets)s::bigint[])
        )
--> counted
