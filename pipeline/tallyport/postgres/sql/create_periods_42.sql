-- Makes the periods that rows have and the database does not. In the order of their dates, so that two imports that
-- make the same ones wait for each other instead of each for the other; who comes second finds them there.
insert into period (periodid, periodtypeid, startdate, enddate)
select nextval('hibernate_sequence'), t.periodtypeid, p.startdate, p.enddate
from (
    select kind, startdate, enddate
    from staged_period
    where periodid is null and place in (select period_place from staged)
    order by startdate, kind
) as p
join periodtype as t on t.name = p.kind
order by p.startdate, p.kind
on conflict do nothing;
