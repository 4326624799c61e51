-- Removes what is stored in a stretch of the header's scope and has no row, deleted or not. What has a row is written
-- over by it, which leaves the same; what an ignored row names stays.
-- Parameters: data_element (its id); units (how many the header has), start, end (blocks of the stretch).
-- Touches as many rows as it removed.
delete from datavalue as d
using staged_period as p, staged_unit as u
--> of_scope_without_row
