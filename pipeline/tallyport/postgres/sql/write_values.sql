-- Writes what is planned: under keys that have nothing stored, and over what is stored. The change log of 2.43 is the
-- matter of the server's trigger, where it has one. Another's value under the same key, stored since, is written over
-- as an update would have done.
-- Parameters: data_element (its id), username, keeps (whether a null comment keeps what is stored).
-- Touches as many rows as it wrote.
insert into datavalue as o (
    dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid,
    value, storedby, created, lastupdated, comment, followup, deleted
)
select
    %(data_element)s::bigint, periodid, unit, combo, attribute,
    value, %(username)s::text, now(), now(), comment, followup, deleted
from planned
on conflict (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid) do update
set value = excluded.value, deleted = excluded.deleted, lastupdated = excluded.lastupdated,
    storedby = excluded.storedby, followup = excluded.followup,
    comment = case when %(keeps)s::boolean then coalesce(excluded.comment, o.comment) else excluded.comment end;
