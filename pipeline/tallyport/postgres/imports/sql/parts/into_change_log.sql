insert into datavalueaudit (
    datavalueauditid, dataelementid, periodid, organisationunitid, categoryoptioncomboid, attributeoptioncomboid,
    value, created, modifiedby, audittype
)
