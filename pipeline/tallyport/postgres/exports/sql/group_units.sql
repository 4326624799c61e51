-- The organisation units of organisation unit groups.
-- Parameters: ids (of groups).
-- Result: organisation unit's id.
select distinct organisationunitid from orgunitgroupmembers where orgunitgroupid = any(%(ids)s::bigint[]);
