-- Writes what is planned: first over what is stored, each row found by where it lay when it was read; then what has
-- nothing stored, and what another has moved since: written over as an update would have done. Where a row lay may be
-- another's by now, so its key is compared as well.
-- Parameters: username, keeps (whether a null comment keeps what is stored).
with written as (
    update datavalue as o
    set value = p.value, deleted = p.deleted, lastupdated = now(), storedby = %(username)s::text,
        followup = p.followup, comment = p.comment
    from planned as p
    where o.ctid = p.lies_at and o.ctid = any(array(select lies_at from planned where change <> 'insert'))
        and o.dataelementid = p.data_element and o.periodid = p.periodid and o.sourceid = p.unit
        and o.categoryoptioncomboid = p.combo and o.attributeoptioncomboid = p.attribute
    returning p.group_number, p.row_number
)
--> into_values
select
    data_element, periodid, unit, combo, attribute,
    value, %(username)s::text, now(), now(), comment, followup, deleted
from planned
where not exists (
        select from written
        where written.group_number = planned.group_number and written.row_number = planned.row_number
    )
--> written_over
