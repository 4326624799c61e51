-- Writes whole numbers as DHIS2 2.43 stores them, without a `.0`.
-- Parameters: groups (their numbers).
update staged set value = left(value, -2) where value like '%%.0' and group_number = any(%(groups)s::integer[]);
