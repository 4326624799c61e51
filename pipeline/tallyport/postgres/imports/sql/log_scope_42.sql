-- Writes the change log of what `delete_scope_soft` is about to do, as DHIS2 2.42 has it: the value before. 2.43 has a
-- trigger for it. Comes before that step.
-- Parameters: data_element (its id), username; units (how many the header has), start, end (blocks of the stretch).
--> into_change_log
select
    nextval('datavalueaudit_sequence'), d.dataelementid, d.periodid, d.sourceid, d.categoryoptioncomboid,
    d.attributeoptioncomboid, d.value, now(), left(%(username)s::text, 100), 'DELETE'
from datavalue as d, staged_period as p, staged_unit as u
--> of_scope_without_row
and not d.deleted;
