-- The migrations that DHIS2 has made of its tables.
-- Result: version (null where a migration has none), whether it was successful, what it is about.
select version, success, description from flyway_schema_history;
