-- Leaves out rows of organisation units that one of the attribute options is not meant for: an option that names some
-- is meant for these and all below them.
with refused as (
    select u.place as unit, a.place as attribute
    from staged_unit as u
    join organisationunit as o on o.organisationunitid = u.id
    cross join staged_attribute as a
    join categoryoptioncombos_categoryoptions as m on m.categoryoptioncomboid = a.id
    where exists (
            select from categoryoption_organisationunits as n where n.categoryoptionid = m.categoryoptionid
        )
        and not exists (
            select
            from categoryoption_organisationunits as n
            join organisationunit as above using (organisationunitid)
            where n.categoryoptionid = m.categoryoptionid
                and (above.organisationunitid = u.id or starts_with(o.path, above.path || '/'))
        )
), gone as (
    delete from staged
    where (unit_place, attribute_place) in (select unit, attribute from refused)
--> counted
