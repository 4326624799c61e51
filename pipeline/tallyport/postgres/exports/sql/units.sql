-- The organisation units that filters come to.
-- Parameters: ids (null for all), children (whether all below these are meant as well), levels (null for any).
-- Result: id.
with named as materialized (
    select organisationunitid, uid from organisationunit where organisationunitid = any(%(ids)s::bigint[])
)
select u.organisationunitid
from organisationunit as u
where (
        %(ids)s::bigint[] is null
        or u.organisationunitid in (select organisationunitid from named)
        or %(children)s and exists (
            select from unnest(string_to_array(u.path, '/')) as step where step in (select uid from named)
        )
    )
    and (
        %(levels)s::integer[] is null
        or cardinality(string_to_array(u.path, '/')) - 1 = any(%(levels)s::integer[]) -- a path begins with a stroke
    );
