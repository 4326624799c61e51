-- Writes booleans as DHIS2 2.42 stores them: it knows these spellings, others it stores as they are.
update staged
set value = case when value in ('t', 'T', '1', 'True', 'TRUE') then 'true' else 'false' end
where value in ('t', 'T', '1', 'True', 'TRUE', 'f', 'F', '0', 'False', 'FALSE');
