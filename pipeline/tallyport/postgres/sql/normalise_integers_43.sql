-- Writes whole numbers as DHIS2 2.43 stores them, without a `.0`.
update staged set value = left(value, -2) where value like '%.0';
