-- Gives the header's periods the ids that they have, by type and first day: before 2.43 periods have no ISO text.
update staged_period as p
set periodid = q.periodid
from period as q
join periodtype as t using (periodtypeid)
where t.name = p.kind and q.startdate = p.startdate and q.enddate = p.enddate;
