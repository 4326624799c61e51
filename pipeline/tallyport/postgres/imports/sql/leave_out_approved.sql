-- Leaves out rows of which the data is approved, in the data set's workflow, for just that organisation unit; where
-- several data sets can be meant, in each of them.
-- Parameters: data_sets (ids).
with approved as (
    select p.place as period, u.place as unit, a.place as attribute
    from dataset as s
    join dataapproval as d on d.workflowid = s.workflowid
    join staged_period as p on p.periodid = d.periodid
    join staged_unit as u on u.id = d.organisationunitid
    join staged_attribute as a on a.id = d.attributeoptioncomboid
    where s.datasetid = any(%(data_sets)s::bigint[])
    group by p.place, u.place, a.place
    having count(distinct s.datasetid) = cardinality(%(data_sets)s::bigint[])
), gone as (
    delete from staged
    using approved
    where period_place = approved.period and unit_place = approved.unit and attribute_place = approved.attribute
--> counted
