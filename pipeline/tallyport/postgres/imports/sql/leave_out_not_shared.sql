-- Leaves out rows whose option combos, of either kind, have a category option that the user may not write.
-- Parameters: options (UIDs).
with refused as (
    select m.categoryoptioncomboid as id
    from categoryoption as o
    join categoryoptioncombos_categoryoptions as m using (categoryoptionid)
    where o.uid = any(%(options)s::text[])
), gone as (
    delete from staged
    where combo_place in (select place from staged_combo where id in (select id from refused))
        or attribute_place in (select place from staged_attribute where id in (select id from refused))
--> counted
