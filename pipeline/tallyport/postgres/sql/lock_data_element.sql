-- Has imports into the same data element wait for each other until the transaction ends. DHIS2 does not wait for it.
-- Parameters: data_element (its id).
select pg_advisory_xact_lock(1952541804, (%(data_element)s::bigint %% 2147483647)::integer);
