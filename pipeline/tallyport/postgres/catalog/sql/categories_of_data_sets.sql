-- The categories of the category combos of data sets.
-- Parameters: owner_scheme, owner_attribute, category_scheme, category_attribute.
-- Result: the data set, its categories; each by its identifier in the scheme.
select owner, coalesce(array_agg(distinct category) filter (where category is not null), '{}')
from (
    select
        case %(owner_scheme)s::text
            when 'UID' then s.uid
            when 'CODE' then s.code
            when 'NAME' then s.name
            else s.attributevalues #>> array[%(owner_attribute)s::text, 'value']
        end as owner,
        case %(category_scheme)s::text
            when 'UID' then k.uid
            when 'CODE' then k.code
            when 'NAME' then k.name
            else k.attributevalues #>> array[%(category_attribute)s::text, 'value']
        end as category
    from dataset as s
    left join categorycombos_categories as c using (categorycomboid)
    left join category as k using (categoryid)
) as found
where owner is not null
group by owner;
