-- Has imports into the same data elements wait for each other until the transaction ends: in the order of their ids, so
-- that two never wait each for the other. DHIS2 does not wait for it.
-- Parameters: data_elements (their ids).
select pg_advisory_xact_lock(1952541804, of_element)
from (
    select distinct (id %% 2147483647)::integer as of_element
    from unnest(%(data_elements)s::bigint[]) as id
    order by 1
) as ordered;
