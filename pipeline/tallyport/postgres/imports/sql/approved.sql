-- What is approved of the scopes of groups, in the data set's workflow; where several data sets can be meant, in each.
-- Parameters: groups, data_sets: a group's number and the id of a data set that it can mean, pair by pair.
-- Result: group's number, ISO text of the period, uid of the organisation unit, uid of the attribute option combo.
with meant as (
    select group_number, datasetid, count(*) over (partition by group_number) as of_group
    from unnest(%(groups)s::integer[], %(data_sets)s::bigint[]) as pair (group_number, datasetid)
)
select m.group_number, p.iso, o.uid, c.uid
from meant as m
join dataset as s using (datasetid)
join dataapproval as d on d.workflowid = s.workflowid
join staged_period as p on p.periodid = d.periodid and p.group_number = m.group_number
join staged_unit as u on u.id = d.organisationunitid and u.group_number = m.group_number
join staged_attribute as a on a.id = d.attributeoptioncomboid and a.group_number = m.group_number
join organisationunit as o on o.organisationunitid = u.id
join categoryoptioncombo as c on c.categoryoptioncomboid = a.id
group by m.group_number, p.iso, o.uid, c.uid
having count(distinct s.datasetid) = min(m.of_group)
order by m.group_number, p.iso, o.uid, c.uid;
