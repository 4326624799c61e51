-- Periods of groups that are past the data set's expiry days; where several data sets can be meant, those of each.
-- A data set with input periods goes by these alone. A part of a day does not count.
-- Parameters: groups, data_sets: a group's number and the id of a data set that it can mean, pair by pair; today.
-- Result: group's number, period's place, the last day that it was open on, and the places of the organisation units
-- that a lock exception keeps it open for.
with meant as (
    select group_number, datasetid, count(*) over (partition by group_number) as of_group
    from unnest(%(groups)s::integer[], %(data_sets)s::bigint[]) as pair (group_number, datasetid)
), expired as (
    select p.group_number, p.place, p.periodid, max(p.enddate + trunc(s.expirydays)::integer) as last_day
    from meant as m
    join dataset as s using (datasetid)
    join staged_period as p using (group_number)
    where trunc(s.expirydays) > 0
        and p.enddate + trunc(s.expirydays)::integer < %(today)s::date
        and not exists (select from datainputperiod as i where i.datasetid = s.datasetid)
    group by p.group_number, p.place, p.periodid
    having count(*) = min(m.of_group)
), excepted as (
    select e.group_number, e.place, array_agg(distinct u.place) as units
    from expired as e
    join meant as m using (group_number)
    join lockexception as x using (periodid, datasetid)
    join staged_unit as u on u.id = x.organisationunitid and u.group_number = e.group_number
    group by e.group_number, e.place
)
select group_number, place, last_day, coalesce(units, '{}')
from expired
left join excepted using (group_number, place)
order by group_number, place;
