-- Option combos of the default category combo: a sound server has one.
-- Parameters: default_uid.
-- Result: uid, name.
select o.uid, o.name
from categorycombo as c
join categorycombos_optioncombos as m using (categorycomboid)
join categoryoptioncombo as o using (categoryoptioncomboid)
where c.uid = %(default_uid)s::text or c.name = 'default' or c.code = 'default'
order by o.uid;
