-- Category combos by id (all, if `ids` is null), by identifier, and the default one.
-- Parameters: ids, names, scheme (category combos have no attribute values), default_uid.
-- Result: id, uid, code, name, uids of the categories in order.
select
    c.categorycomboid, c.uid, c.code, c.name,
    coalesce(array_agg(k.uid order by m.sort_order) filter (where k.uid is not null), '{}')
from categorycombo as c
left join categorycombos_categories as m using (categorycomboid)
left join category as k using (categoryid)
where %(ids)s::bigint[] is null or c.categorycomboid = any(%(ids)s::bigint[])
    or c.uid = %(default_uid)s::text or c.name = 'default' or c.code = 'default'
    or case %(scheme)s::text
        when 'UID' then c.uid
        when 'CODE' then c.code
        when 'NAME' then c.name
    end = any(%(names)s::text[])
group by c.categorycomboid, c.uid, c.code, c.name;
