on conflict (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid) do update
set value = excluded.value, deleted = excluded.deleted, lastupdated = excluded.lastupdated,
    storedby = excluded.storedby, followup = excluded.followup,
    comment = case when %(keeps)s::boolean then coalesce(excluded.comment, o.comment) else excluded.comment end;
