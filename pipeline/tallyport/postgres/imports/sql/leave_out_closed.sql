-- Leaves out rows of organisation units that are not open on the first day of the period.
with gone as (
    delete from staged
    using staged_period as p, staged_unit as u, organisationunit as o
    where p.place = period_place and u.place = unit_place and o.organisationunitid = u.id
        and (p.startdate < o.openingdate or p.startdate > o.closeddate)
--> counted
