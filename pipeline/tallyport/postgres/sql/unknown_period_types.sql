-- The period types of rows that the database does not know.
-- Result: period type, ISO texts of its periods that rows have.
select p.kind, array_agg(p.iso order by p.startdate)
from staged_period as p
where p.periodid is null
    and p.place in (select period_place from staged)
    and not exists (select from periodtype as t where t.name = p.kind)
group by p.kind;
