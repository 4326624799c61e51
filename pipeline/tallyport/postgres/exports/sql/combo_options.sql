-- Option combos with what they are made of: those that values have, all others of their category combos, and those of
-- category combos; and the usual default option combo.
-- Parameters: ids, category_combos (ids), default_uid.
-- Result: id, uid, name, category combo's id (null for none), its options' ids.
with named as (
    select categorycomboid from categorycombos_optioncombos where categoryoptioncomboid = any(%(ids)s::bigint[])
)
select
    o.categoryoptioncomboid, o.uid, o.name, of_combo.categorycomboid,
    array(
        select m.categoryoptionid
        from categoryoptioncombos_categoryoptions as m
        where m.categoryoptioncomboid = o.categoryoptioncomboid
    )
from categoryoptioncombo as o
left join categorycombos_optioncombos as of_combo using (categoryoptioncomboid)
where o.categoryoptioncomboid = any(%(ids)s::bigint[])
    or o.uid = %(default_uid)s
    or of_combo.categorycomboid = any(%(category_combos)s::bigint[])
    or of_combo.categorycomboid in (select categorycomboid from named);
