-- Organisation units of the header that are neither a user's own for data capture nor below one of these.
-- Parameters: user (its id).
-- Result: their places.
with own as (
    select o.uid
    from usermembership as m
    join organisationunit as o using (organisationunitid)
    where m.userinfoid = %(user)s::bigint
)
select u.place
from staged_unit as u
join organisationunit as o on o.organisationunitid = u.id
where not exists (
    select from unnest(string_to_array(o.path, '/')) as step where step in (select uid from own)
)
order by u.place;
