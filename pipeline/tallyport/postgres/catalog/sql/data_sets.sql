-- The data sets that identifiers name (all, if `names` is null), and those that data elements are in.
-- Parameters: names, scheme, attribute, data_elements (their ids, null for all).
-- Result: id, uid, code, name, the attribute's value, period type, category combo's id and uid, expiry days, open
-- future periods, open periods after the options' end; which of the data elements it has, each with the category combo
-- that overrides the data element's own there, by uid, and these combos' ids.
with members as (
    select
        m.datasetid,
        jsonb_agg(jsonb_build_object('dataElement', e.uid, 'categoryCombo', c.uid)) as elements,
        array_agg(m.categorycomboid) as combos
    from datasetelement as m
    join dataelement as e using (dataelementid)
    left join categorycombo as c on c.categorycomboid = m.categorycomboid
    where %(data_elements)s::bigint[] is null or m.dataelementid = any(%(data_elements)s::bigint[])
    group by m.datasetid
)
select
    o.datasetid, o.uid, o.code, o.name, o.attributevalues #>> array[%(attribute)s::text, 'value'],
    p.name, c.categorycomboid, c.uid, o.expirydays, o.openfutureperiods, o.openperiodsaftercoenddate,
    coalesce(m.elements, '[]'), coalesce(m.combos, '{}')
from dataset as o
join periodtype as p using (periodtypeid)
join categorycombo as c using (categorycomboid)
left join members as m using (datasetid)
where
    m.elements is not null
    or %(names)s::text[] is null
    or
    --> is_named
;
