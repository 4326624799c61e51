-- Makes the periods that rows have and the database does not. In the order of their dates, so that two imports that
-- make the same ones wait for each other instead of each for the other; who comes second finds them there.
-- Before 2.43 the table has no column for the ISO text, which is skipped there.
-- Result: a group's number, how many were made for it: those that none before it has.
with wanted as (
    select kind, startdate, enddate, iso, min(group_number) as group_number
    from staged_period
    where periodid is null and (group_number, place) in (select group_number, period_place from staged)
    group by kind, startdate, enddate, iso
), made as (
    insert into period
    select p.*
    from wanted as w
    join periodtype as t on t.name = w.kind
    cross join lateral jsonb_populate_record(null::period, jsonb_build_object(
        'periodid', nextval('hibernate_sequence'), 'periodtypeid', t.periodtypeid, 'startdate', w.startdate,
        'enddate', w.enddate, 'iso', w.iso
    )) as p
    order by w.startdate, w.kind
    on conflict do nothing
    returning periodtypeid, startdate, enddate
)
select w.group_number, count(*)
from made as m
join periodtype as t using (periodtypeid)
join wanted as w on w.kind = t.name and w.startdate = m.startdate and w.enddate = m.enddate
group by w.group_number;
