-- Writes booleans as DHIS2 2.42 stores them: it knows these spellings, others it stores as they are.
-- Parameters: groups (their numbers).
update staged
set value = case when value in ('t', 'T', '1', 'True', 'TRUE') then 'true' else 'false' end
where group_number = any(%(groups)s::integer[])
    and value in ('t', 'T', '1', 'True', 'TRUE', 'f', 'F', '0', 'False', 'FALSE');
