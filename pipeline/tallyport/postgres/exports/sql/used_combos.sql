-- The data elements of the values to export with the option combos that they have there.
-- Parameters: the filters of values.sql.
-- Result: uids of data element, category option combo and attribute option combo; ids of the category combos of these.
select e.uid, c.uid, a.uid, of_combo.categorycomboid, of_attribute.categorycomboid
from (
    select distinct d.dataelementid, d.categoryoptioncomboid, d.attributeoptioncomboid
    from datavalue as d
    --> chosen
) as used
join dataelement as e using (dataelementid)
join categoryoptioncombo as c on c.categoryoptioncomboid = used.categoryoptioncomboid
join categoryoptioncombo as a on a.categoryoptioncomboid = used.attributeoptioncomboid
left join categorycombos_optioncombos as of_combo on of_combo.categoryoptioncomboid = c.categoryoptioncomboid
left join categorycombos_optioncombos as of_attribute on of_attribute.categoryoptioncomboid = a.categoryoptioncomboid;
