-- All periods.
-- Result: id, type (null for none), first day, last day, ISO text (null before 2.43, which has none).
select p.periodid, t.name, p.startdate, p.enddate, to_jsonb(p) ->> 'iso'
from period as p
left join periodtype as t using (periodtypeid);
