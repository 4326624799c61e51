-- Which of some organisation units are assigned to data sets.
-- Parameters: data_sets (ids), org_units (ids).
-- Result: data set's id, array of the units' uids; no row for a data set that has none of them.
select a.datasetid, array_agg(u.uid)
from datasetsource as a
join organisationunit as u on u.organisationunitid = a.sourceid
where a.datasetid = any(%(data_sets)s::bigint[]) and a.sourceid = any(%(org_units)s::bigint[])
group by a.datasetid;
