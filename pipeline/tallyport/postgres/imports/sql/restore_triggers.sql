-- Has triggers fire again.
-- Parameters: role (the replication role that the session had).
select set_config('session_replication_role', %(role)s::text, true);
