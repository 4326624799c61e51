-- Leaves out rows of an undo whose value was written after the removal.
-- Parameters: data_element (its id), removed_at (when that was).
-- Result: how many, and the first of them.
with gone as (
    delete from staged as s
    using staged_period as p, staged_unit as u, staged_combo as c, staged_attribute as a, datavalue as d
    where p.place = s.period_place and u.place = s.unit_place and c.place = s.combo_place
        and a.place = s.attribute_place
        and d.dataelementid = %(data_element)s::bigint and d.periodid = p.periodid and d.sourceid = u.id
        and d.categoryoptioncomboid = c.id and d.attributeoptioncomboid = a.id
        and d.lastupdated > %(removed_at)s::timestamp
        and (d.value, d.deleted, d.followup, d.comment, d.storedby, d.created, d.lastupdated)
            is distinct from (s.value, s.deleted, s.followup, s.comment, s.storedby, s.created, s.lastupdated)
    returning s.row_number
)
select count(*), min(row_number) from gone;
