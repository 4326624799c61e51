-- Whether the list of migrations can be read.
-- Result, one row: null where there is none, else whether the role may.
select case
    when to_regclass('flyway_schema_history') is not null
        then has_table_privilege('flyway_schema_history', 'select')
end;
