-- Says to triggers and defaults of DHIS2 2.43 who writes, until the transaction ends.
-- Parameters: username.
select set_config('dhis2.user', %(username)s::text, true);
