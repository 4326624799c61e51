-- The codes of option sets.
-- Parameters: uids.
-- Result: option set's uid, its codes.
select s.uid, coalesce(array_agg(o.code) filter (where o.code is not null), '{}')
from optionset as s
left join optionvalue as o using (optionsetid)
where s.uid = any(%(uids)s::text[])
group by s.uid;
