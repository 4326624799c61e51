-- Whether a user exists.
-- Parameters: username.
-- Result: a row if so.
select userinfoid from userinfo where username = %(username)s::text;
