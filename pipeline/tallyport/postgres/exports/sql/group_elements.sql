-- The data elements of data element groups.
-- Parameters: ids (of groups).
-- Result: data element's id.
select distinct dataelementid from dataelementgroupmembers where dataelementgroupid = any(%(ids)s::bigint[]);
