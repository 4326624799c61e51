-- The categories of all category combos that a data element has, of its own or in a data set.
-- Parameters: owner_scheme, owner_attribute, category_scheme, category_attribute.
-- Result: the data element, its categories; each by its identifier in the scheme.
select owner, coalesce(array_agg(distinct category) filter (where category is not null), '{}')
from (
    select
        case %(owner_scheme)s::text
            when 'UID' then e.uid
            when 'CODE' then e.code
            when 'NAME' then e.name
            else e.attributevalues #>> array[%(owner_attribute)s::text, 'value']
        end as owner,
        case %(category_scheme)s::text
            when 'UID' then k.uid
            when 'CODE' then k.code
            when 'NAME' then k.name
            else k.attributevalues #>> array[%(category_attribute)s::text, 'value']
        end as category
    from dataelement as e
    left join datasetelement as m using (dataelementid)
    left join categorycombos_categories as c on c.categorycomboid in (e.categorycomboid, m.categorycomboid)
    left join category as k using (categoryid)
) as found
where owner is not null
group by owner;
