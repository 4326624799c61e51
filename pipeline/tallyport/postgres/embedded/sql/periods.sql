-- Makes periods that the database does not have.
-- Parameters: kinds, starts, ends, isos (side by side).
insert into period (periodid, periodtypeid, startdate, enddate, iso)
select nextval('hibernate_sequence'), t.periodtypeid, p.startdate, p.enddate, p.iso
from unnest(%(kinds)s::text[], %(starts)s::date[], %(ends)s::date[], %(isos)s::text[])
    as p (kind, startdate, enddate, iso)
join periodtype as t on t.name = p.kind
order by p.startdate, p.kind
on conflict do nothing;
