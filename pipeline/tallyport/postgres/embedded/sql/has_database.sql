-- Whether the server has the database.
-- Result: a row if so.
select from pg_database where datname = 'dhis2';
