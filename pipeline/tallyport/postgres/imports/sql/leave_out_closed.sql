-- Leaves out rows of organisation units that are not open on the first day of the period.
-- Parameters: all_rows.
-- Result: how many, the first of them, and all of them if `all_rows` says so.
with gone as (
    delete from staged
    using staged_period as p, staged_unit as u, organisationunit as o
    where p.place = period_place and u.place = unit_place and o.organisationunitid = u.id
        and (p.startdate < o.openingdate or p.startdate > o.closeddate)
    returning row_number
)
select count(*), min(row_number), array_agg(row_number) filter (where %(all_rows)s::boolean) from gone;
