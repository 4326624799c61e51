-- The categories of category combos, and those that identifiers name.
-- Parameters: combos (ids), names, scheme, attribute.
-- Result: id, uid, code, name, the attribute's value, uids of the options in order, and their ids.
select
    o.categoryid, o.uid, o.code, o.name, o.attributevalues #>> array[%(attribute)s::text, 'value'],
    coalesce(array_agg(p.uid order by m.sort_order) filter (where p.uid is not null), '{}'),
    coalesce(array_agg(p.categoryoptionid order by m.sort_order) filter (where p.uid is not null), '{}')
from category as o
left join categories_categoryoptions as m using (categoryid)
left join categoryoption as p using (categoryoptionid)
where
    o.categoryid in (
        select categoryid from categorycombos_categories where categorycomboid = any(%(combos)s::bigint[])
    )
    or
    --> is_named
group by o.categoryid, o.uid, o.code, o.name;
