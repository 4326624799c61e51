insert into datavalue as o (
    dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid,
    value, storedby, created, lastupdated, comment, followup, deleted
)
