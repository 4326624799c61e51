-- Between which days attribute option combos may be used.
-- Result: place, last of the first days and first of the last days of its options, null for none. Without a limit none.
select a.place, max(o.startdate), min(o.enddate)
from staged_attribute as a
join categoryoptioncombos_categoryoptions as m on m.categoryoptioncomboid = a.id
join categoryoption as o using (categoryoptionid)
group by a.place
having max(o.startdate) is not null or min(o.enddate) is not null;
