-- A user, and what of the user's authorities an import asks about.
-- Parameters: username, authorities.
-- Result: id, uid, whether the account is disabled, those of `authorities` that the user has. No row without such a user.
select u.userinfoid, u.uid, coalesce(u.disabled, false), array_remove(array_agg(distinct a.authority), null)
from userinfo as u
left join userrolemembers as m on m.userid = u.userinfoid
left join userroleauthorities as a on a.userroleid = m.userroleid and a.authority = any(%(authorities)s::text[])
where u.username = %(username)s::text
group by u.userinfoid, u.uid, u.disabled;
