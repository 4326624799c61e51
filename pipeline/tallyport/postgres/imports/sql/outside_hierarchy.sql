-- Organisation units of the headers that are neither a user's own for data capture nor below one of these.
-- Parameters: user (its id).
-- Result: group's number, their places.
with own as (
    select o.uid
    from usermembership as m
    join organisationunit as o using (organisationunitid)
    where m.userinfoid = %(user)s::bigint
), inside as (
    select u.group_number, u.place
    from staged_unit as u
    join organisationunit as o on o.organisationunitid = u.id
    cross join lateral unnest(string_to_array(o.path, '/')) as step
    join own on own.uid = step
)
select group_number, place from staged_unit except select group_number, place from inside
order by group_number, place;
