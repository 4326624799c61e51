-- Organisation units of the header that are neither a user's own for data capture nor below one of these.
-- Parameters: user (its id).
-- Result: their places.
with own as (
    select o.uid
    from usermembership as m
    join organisationunit as o using (organisationunitid)
    where m.userinfoid = %(user)s::bigint
), inside as (
    select u.place
    from staged_unit as u
    join organisationunit as o on o.organisationunitid = u.id
    cross join lateral unnest(string_to_array(o.path, '/')) as step
    join own on own.uid = step
)
select place from staged_unit except select place from inside order by place;
