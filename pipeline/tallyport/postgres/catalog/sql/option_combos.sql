-- The option combos of category combos, and those that identifiers name in two roles.
-- Parameters: combos (ids); coc_names, coc_scheme, coc_attribute; aoc_names, aoc_scheme, aoc_attribute.
-- Result: id, uid, code, name, the values of the two attributes, category combo's uid, uids of the options.
select
    o.categoryoptioncomboid, o.uid, o.code, o.name,
    o.attributevalues #>> array[%(coc_attribute)s::text, 'value'],
    o.attributevalues #>> array[%(aoc_attribute)s::text, 'value'],
    c.uid,
    array(
        select x.uid
        from categoryoptioncombos_categoryoptions as m
        join categoryoption as x using (categoryoptionid)
        where m.categoryoptioncomboid = o.categoryoptioncomboid
    )
from categoryoptioncombo as o
left join categorycombos_optioncombos as of_combo using (categoryoptioncomboid)
left join categorycombo as c using (categorycomboid)
where of_combo.categorycomboid = any(%(combos)s::bigint[])
    or case %(coc_scheme)s::text
        when 'UID' then o.uid
        when 'CODE' then o.code
        when 'NAME' then o.name
        else o.attributevalues #>> array[%(coc_attribute)s::text, 'value']
    end = any(%(coc_names)s::text[])
    or case %(aoc_scheme)s::text
        when 'UID' then o.uid
        when 'CODE' then o.code
        when 'NAME' then o.name
        else o.attributevalues #>> array[%(aoc_attribute)s::text, 'value']
    end = any(%(aoc_names)s::text[]);
