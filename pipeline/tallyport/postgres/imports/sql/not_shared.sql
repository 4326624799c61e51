-- What a user may not write data of: of data sets, and of the category options that the headers' option combos are made
-- of. As DHIS2 reads `sharing`: the owner may, then the public, single users, and members of user groups, each where the
-- fourth letter of their access says so. What has no owner or says nothing of the public is open.
-- Parameters: groups, data_sets: a group's number and the id of a data set that it can mean, pair by pair; options and
-- attribute_options: the numbers of groups that are asked about either kind; user (its id), user_uid.
-- Result: group's number; ds, coc or aoc; id, uid, name.
with used as (
    select 'ds' as kind, group_number, datasetid as id
    from unnest(%(groups)s::integer[], %(data_sets)s::bigint[]) as pair (group_number, datasetid)
    union
    select 'coc', c.group_number, m.categoryoptionid
    from staged_combo as c
    join categoryoptioncombos_categoryoptions as m on m.categoryoptioncomboid = c.id
    where c.group_number = any(%(options)s::integer[])
    union
    select 'aoc', a.group_number, m.categoryoptionid
    from staged_attribute as a
    join categoryoptioncombos_categoryoptions as m on m.categoryoptioncomboid = a.id
    where a.group_number = any(%(attribute_options)s::integer[])
), shared as (
    select u.kind, u.group_number, u.id, s.uid, s.name, s.sharing
    from used as u
    join dataset as s on s.datasetid = u.id
    where u.kind = 'ds'
    union all
    select u.kind, u.group_number, u.id, o.uid, o.name, o.sharing
    from used as u
    join categoryoption as o on o.categoryoptionid = u.id
    where u.kind <> 'ds'
)
select group_number, kind, id, uid, name
from shared
where sharing ->> 'owner' <> %(user_uid)s::text
    and sharing ->> 'public' not like '___w____'
    and coalesce(sharing #>> array['users', %(user_uid)s::text, 'access'], '') not like '___w____'
    and not exists (
        select
        from usergroupmembers as m
        join usergroup as g using (usergroupid)
        where m.userid = %(user)s::bigint and shared.sharing #>> array['userGroups', g.uid, 'access'] like '___w____'
    )
order by group_number, kind, name;
