-- The category options of category combos, and those that identifiers name.
-- Parameters: combos (ids), names, scheme, attribute, org_units (ids).
-- Result: id, uid, code, name, the attribute's value, first and last day as text, and the uids of the organisation
-- units that the option is meant for, as far as they are among `org_units`; one that is not, if none of them is.
select
    o.categoryoptionid, o.uid, o.code, o.name, o.attributevalues #>> array[%(attribute)s::text, 'value'],
    o.startdate::text, o.enddate::text, coalesce(meant.uids, '{}')
from categoryoption as o
left join lateral (
    select coalesce(
        array_agg(u.uid) filter (where u.organisationunitid = any(%(org_units)s::bigint[])), array[min(u.uid)]
    ) as uids
    from categoryoption_organisationunits as m
    join organisationunit as u using (organisationunitid)
    where m.categoryoptionid = o.categoryoptionid
    having count(*) > 0
) as meant on true
where
    o.categoryoptionid in (
        select m.categoryoptionid
        from categorycombos_categories as k
        join categories_categoryoptions as m using (categoryid)
        where k.categorycomboid = any(%(combos)s::bigint[])
    )
    or
    --> is_named
;
