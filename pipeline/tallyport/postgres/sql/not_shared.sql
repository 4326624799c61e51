-- What a user may not write data of: of data sets, and of the category options that the header's option combos are made
-- of. As DHIS2 reads `sharing`: the owner may, then the public, single users, and members of user groups, each where the
-- fourth letter of their access says so. What has no owner or says nothing of the public is open.
-- Parameters: data_sets (ids), options and attribute_options (whether those of either kind are asked about), user (its
-- id), user_uid.
-- Result: ds, coc or aoc; id, uid, name.
with used as (
    select 'ds' as kind, datasetid as id, uid, name, sharing from dataset where datasetid = any(%(data_sets)s::bigint[])
    union all
    select 'coc', categoryoptionid, uid, name, sharing
    from categoryoption
    where %(options)s::boolean and categoryoptionid in (
        select m.categoryoptionid
        from staged_combo as c
        join categoryoptioncombos_categoryoptions as m on m.categoryoptioncomboid = c.id
    )
    union all
    select 'aoc', categoryoptionid, uid, name, sharing
    from categoryoption
    where %(attribute_options)s::boolean and categoryoptionid in (
        select m.categoryoptionid
        from staged_attribute as a
        join categoryoptioncombos_categoryoptions as m on m.categoryoptioncomboid = a.id
    )
)
select kind, id, uid, name
from used
where sharing ->> 'owner' <> %(user_uid)s::text
    and sharing ->> 'public' not like '___w____'
    and coalesce(sharing #>> array['users', %(user_uid)s::text, 'access'], '') not like '___w____'
    and not exists (
        select
        from usergroupmembers as m
        join usergroup as g using (usergroupid)
        where m.userid = %(user)s::bigint and used.sharing #>> array['userGroups', g.uid, 'access'] like '___w____'
    )
order by kind, name;
