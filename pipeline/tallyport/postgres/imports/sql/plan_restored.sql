-- Compares the rows of an undo with what is stored: plans those that differ in anything, who and when included.
with compared as (
    select
        s.group_number, s.row_number, d.ctid as lies_at, p.data_element, p.periodid, u.id as unit, c.id as combo,
        a.id as attribute, s.value, s.deleted, s.followup, s.comment, d.value as before, d.deleted as was_deleted,
        (s.value, s.deleted, s.followup, s.comment, s.storedby, s.created, s.lastupdated)
            is distinct from (d.value, d.deleted, d.followup, d.comment, d.storedby, d.created, d.lastupdated) as differs
    from staged as s
    --> placed
    left join datavalue as d
        on d.dataelementid = p.data_element and d.periodid = p.periodid and d.sourceid = u.id
        and d.categoryoptioncomboid = c.id and d.attributeoptioncomboid = a.id
--> planned
