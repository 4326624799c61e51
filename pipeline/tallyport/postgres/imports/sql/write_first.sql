-- Writes the staged rows where nothing is stored in the scope of any group that is staged. Another's value under the same key, stored
-- since, is written over as an update would have done.
-- An empty comment is none.
-- Parameters: username, keeps (whether a null comment keeps what is stored).
-- Touches as many rows as it wrote.
insert into datavalue as o (
    dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid,
    value, storedby, created, lastupdated, comment, followup, deleted
)
select
    p.data_element, p.periodid, u.id, c.id, a.id,
    s.value, %(username)s::text, now(), now(), nullif(s.comment, ''), coalesce(s.followup, false), s.deleted
from staged as s
--> placed
on conflict (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid) do update
set value = excluded.value, deleted = excluded.deleted, lastupdated = excluded.lastupdated,
    storedby = excluded.storedby, followup = excluded.followup,
    comment = case when %(keeps)s::boolean then coalesce(excluded.comment, o.comment) else excluded.comment end;
