-- Makes the periods that rows have and the database does not. In the order of their dates, so that two imports that
-- make the same ones wait for each other instead of each for the other; who comes second finds them there.
-- Result: a group's number, how many were made for it: those that none before it has.
with wanted as (
    select kind, startdate, enddate, iso, min(group_number) as group_number
    from staged_period
    where periodid is null and (group_number, place) in (select group_number, period_place from staged)
    group by kind, startdate, enddate, iso
), made as (
    insert into period (periodid, periodtypeid, startdate, enddate, iso)
    select nextval('hibernate_sequence'), t.periodtypeid, p.startdate, p.enddate, p.iso
    from (select * from wanted order by startdate, kind) as p
    join periodtype as t on t.name = p.kind
    order by p.startdate, p.kind
    on conflict do nothing
    returning periodtypeid, startdate, enddate
)
select w.group_number, count(*)
from made as m
join periodtype as t using (periodtypeid)
join wanted as w on w.kind = t.name and w.startdate = m.startdate and w.enddate = m.enddate
group by w.group_number;
