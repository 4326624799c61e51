-- What is approved of the header's scope, in the data set's workflow; where several data sets can be meant, in each.
-- Parameters: data_sets (ids).
-- Result: ISO text of the period, uid of the organisation unit, uid of the attribute option combo.
select p.iso, o.uid, c.uid
from dataset as s
join dataapproval as d on d.workflowid = s.workflowid
join staged_period as p on p.periodid = d.periodid
join staged_unit as u on u.id = d.organisationunitid
join staged_attribute as a on a.id = d.attributeoptioncomboid
join organisationunit as o on o.organisationunitid = u.id
join categoryoptioncombo as c on c.categoryoptioncomboid = a.id
where s.datasetid = any(%(data_sets)s::bigint[])
group by p.iso, o.uid, c.uid
having count(distinct s.datasetid) = cardinality(%(data_sets)s::bigint[])
order by p.iso, o.uid, c.uid;
