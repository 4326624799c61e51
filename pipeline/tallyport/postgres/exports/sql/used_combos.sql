-- The data elements of the values to export with the option combos that they have there.
-- Parameters: the filters of values.sql.
-- Result: data element, category option combo, attribute option combo (ids).
select distinct d.dataelementid, d.categoryoptioncomboid, d.attributeoptioncomboid
from datavalue as d
--> chosen
