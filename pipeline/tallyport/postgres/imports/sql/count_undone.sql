-- How many values are stored in the header's scope.
-- Parameters: data_element (its id).
-- Result: how many.
select count(*)
from datavalue as d
join staged_period as p on p.periodid = d.periodid
join staged_unit as u on u.id = d.sourceid
join staged_combo as c on c.id = d.categoryoptioncomboid
join staged_attribute as a on a.id = d.attributeoptioncomboid
where d.dataelementid = %(data_element)s::bigint;
