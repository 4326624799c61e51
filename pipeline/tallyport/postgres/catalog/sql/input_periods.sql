-- The input periods of data sets.
-- Parameters: data_sets (ids).
-- Result: data set's id, period type, first day of the period, opening and closing time as text, null for none.
select i.datasetid, t.name, p.startdate, i.openingdate::text, i.closingdate::text
from datainputperiod as i
join period as p using (periodid)
join periodtype as t using (periodtypeid)
where i.datasetid = any(%(data_sets)s::bigint[]);
