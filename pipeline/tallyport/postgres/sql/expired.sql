-- Periods of the header that are past the data set's expiry days; where several data sets can be meant, those of each.
-- A data set with input periods goes by these alone. A part of a day does not count.
-- Parameters: data_sets (ids), today.
-- Result: period's place, the last day that it was open on, and the places of the organisation units that a lock
-- exception keeps it open for.
-- Each period meets each data set in the list of its columns, not by a join: one without a key can be no hash join,
-- which is the only kind that the planner is let to have here.
with paired as (
    select place, periodid, enddate, unnest(%(data_sets)s::bigint[]) as datasetid from staged_period
), expired as (
    select p.place, p.periodid, max(p.enddate + trunc(s.expirydays)::integer) as last_day
    from paired as p
    join dataset as s using (datasetid)
    where trunc(s.expirydays) > 0
        and p.enddate + trunc(s.expirydays)::integer < %(today)s::date
        and not exists (select from datainputperiod as i where i.datasetid = s.datasetid)
    group by p.place, p.periodid
    having count(*) = cardinality(%(data_sets)s::bigint[])
), excepted as (
    select e.place, array_agg(distinct u.place) as units
    from expired as e
    join lockexception as x using (periodid)
    join staged_unit as u on u.id = x.organisationunitid
    where x.datasetid = any(%(data_sets)s::bigint[])
    group by e.place
)
select place, last_day, coalesce(units, '{}')
from expired
left join excepted using (place)
order by place;
