-- Writes booleans as DHIS2 2.43 stores them, true or false.
update staged
set value = case when lower(value) in ('t', 'y', '1', 'yes', 'true') then 'true' else 'false' end
where lower(value) in ('t', 'y', '1', 'yes', 'true', 'f', 'n', '0', 'no', 'false') and value not in ('true', 'false');
