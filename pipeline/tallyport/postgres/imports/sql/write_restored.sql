-- Writes what is planned of an undo, as it was: by whom and when included.
-- Parameters: data_element (its id).
-- Touches as many rows as it wrote.
--> into_values
select
    %(data_element)s::bigint, p.periodid, p.unit, p.combo, p.attribute,
    p.value, s.storedby, s.created, s.lastupdated, p.comment, p.followup, p.deleted
from planned as p
join staged as s using (row_number)
on conflict (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid) do update
set value = excluded.value, deleted = excluded.deleted, created = excluded.created, lastupdated = excluded.lastupdated,
    storedby = excluded.storedby, followup = excluded.followup, comment = excluded.comment;
