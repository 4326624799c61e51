-- Ids that no object has.
-- Parameters: count. Result: so many.
select nextval('hibernate_sequence') from generate_series(1, %(count)s::integer);
