-- The categories of category combos, in their order.
-- Parameters: ids.
-- Result: category combo's id, category's id, its options' ids.
select
    c.categorycomboid, c.categoryid,
    array(select m.categoryoptionid from categories_categoryoptions as m where m.categoryid = c.categoryid)
from categorycombos_categories as c
where c.categorycomboid = any(%(ids)s::bigint[])
order by c.categorycomboid, c.sort_order;
