-- The organisation units that identifiers name, and all above these.
-- Parameters: names, scheme, attribute.
-- Result: id, uid, code, name, the attribute's value, path, opening date, closed date.
with named as materialized (
    select path
    from organisationunit as o
    where
        --> is_named
), wanted as (
    select distinct step as uid from named cross join lateral unnest(string_to_array(path, '/')) as step where step <> ''
)
select
    u.organisationunitid, u.uid, u.code, u.name, u.attributevalues #>> array[%(attribute)s::text, 'value'],
    u.path, u.openingdate::text, u.closeddate::text
from organisationunit as u
join wanted using (uid);
