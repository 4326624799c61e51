-- Leaves out rows whose category options have no option combo, of either kind.
with gone as (
    delete from staged
    where combo_place not in (select place from staged_combo)
        or attribute_place not in (select place from staged_attribute)
--> counted
