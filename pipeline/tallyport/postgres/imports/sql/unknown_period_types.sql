-- The period types of rows that the database does not know.
-- Result: group's number, period type, ISO texts of its periods that rows have.
select p.group_number, p.kind, array_agg(p.iso order by p.startdate)
from staged_period as p
where p.periodid is null
    and (p.group_number, p.place) in (select group_number, period_place from staged)
    and not exists (select from periodtype as t where t.name = p.kind)
group by p.group_number, p.kind;
