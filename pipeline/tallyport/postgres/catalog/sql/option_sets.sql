-- The codes of option sets.
-- Parameters: ids.
-- Result: option set's id and uid, its codes.
select s.optionsetid, s.uid, coalesce(array_agg(o.code) filter (where o.code is not null), '{}')
from optionset as s
left join optionvalue as o using (optionsetid)
where s.optionsetid = any(%(ids)s::bigint[])
group by s.optionsetid, s.uid;
