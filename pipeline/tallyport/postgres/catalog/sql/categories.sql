-- The categories of category combos, and those that identifiers name.
-- Parameters: combos (ids), names, scheme, attribute.
-- Result: id, uid, code, name, the attribute's value, uids of the options in order.
select
    k.categoryid, k.uid, k.code, k.name, k.attributevalues #>> array[%(attribute)s::text, 'value'],
    coalesce(array_agg(o.uid order by m.sort_order) filter (where o.uid is not null), '{}')
from category as k
left join categories_categoryoptions as m using (categoryid)
left join categoryoption as o using (categoryoptionid)
where k.categoryid in (
        select categoryid from categorycombos_categories where categorycomboid = any(%(combos)s::bigint[])
    )
    or case %(scheme)s::text
        when 'UID' then k.uid
        when 'CODE' then k.code
        when 'NAME' then k.name
        else k.attributevalues #>> array[%(attribute)s::text, 'value']
    end = any(%(names)s::text[])
group by k.categoryid, k.uid, k.code, k.name;
