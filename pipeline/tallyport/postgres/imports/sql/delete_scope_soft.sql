-- Marks as deleted what is stored in a stretch of the header's scope and has no row, as DHIS2 does: without a value.
-- What an ignored row names stays.
-- Parameters: data_element (its id), username; units (how many the header has), start, end (blocks of the stretch).
-- Touches as many rows as were live.
update datavalue as d
set deleted = true, value = null, lastupdated = now(), storedby = %(username)s::text
from staged_period as p, staged_unit as u
--> of_scope_without_row
and not d.deleted;
