-- The data elements of data sets.
-- Parameters: ids (of data sets).
-- Result: data element's id.
select distinct dataelementid from datasetelement where datasetid = any(%(ids)s::bigint[]);
