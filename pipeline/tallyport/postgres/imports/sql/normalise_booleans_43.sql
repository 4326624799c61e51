-- Writes booleans as DHIS2 2.43 stores them, true or false.
-- Parameters: groups (their numbers).
update staged
set value = case when lower(value) in ('t', 'y', '1', 'yes', 'true') then 'true' else 'false' end
where group_number = any(%(groups)s::integer[])
    and lower(value) in ('t', 'y', '1', 'yes', 'true', 'f', 'n', '0', 'no', 'false')
    and value not in ('true', 'false');
