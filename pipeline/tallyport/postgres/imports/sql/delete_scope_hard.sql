-- Removes what is stored in a stretch of the header's scope and has no row, deleted or not. What has a row is written
-- over by it, which leaves the same; what an ignored row names stays.
-- Parameters: data_element (its id); units (how many the header has), start, end (blocks of the stretch).
-- Touches as many rows as it removed.
delete from datavalue as d
using staged_period as p, staged_unit as u
where d.dataelementid = %(data_element)s::bigint
    and d.periodid = any(array(select periodid from staged_period where periodid is not null))
    and p.periodid = d.periodid and u.id = d.sourceid
    --> of_scope_without_row
