-- The category combos that data elements can have: their own, and those of the data sets they are in.
-- Parameters: ids (of data elements).
-- Result: data element's id and uid, its own category combo; data set's id (null for none) and uid, the category combo
-- that overrides the data element's own there, the data set's category combo for attributes.
select
    e.dataelementid, e.uid, e.categorycomboid,
    s.datasetid, s.uid, m.categorycomboid, s.categorycomboid
from dataelement as e
left join datasetelement as m using (dataelementid)
left join dataset as s using (datasetid)
where e.dataelementid = any(%(ids)s::bigint[]);
