-- The data sets that identifiers name (all, if `names` is null), and those that data elements are in.
-- Parameters: names, scheme, attribute, data_elements (their ids, null for all).
-- Result: id, uid, code, name, the attribute's value, period type, category combo's id and uid, expiry days, open
-- future periods, open periods after the options' end; which of the data elements it has, each with the category combo
-- that overrides the data element's own there, by uid, and these combos' ids.
with members as (
    select
        m.datasetid,
        jsonb_agg(jsonb_build_object('dataElement', e.uid, 'categoryCombo', o.uid)) as elements,
        array_agg(m.categorycomboid) as combos
    from datasetelement as m
    join dataelement as e using (dataelementid)
    left join categorycombo as o on o.categorycomboid = m.categorycomboid
    where %(data_elements)s::bigint[] is null or m.dataelementid = any(%(data_elements)s::bigint[])
    group by m.datasetid
)
select
    s.datasetid, s.uid, s.code, s.name, s.attributevalues #>> array[%(attribute)s::text, 'value'],
    p.name, c.categorycomboid, c.uid, s.expirydays, s.openfutureperiods, s.openperiodsaftercoenddate,
    coalesce(m.elements, '[]'), coalesce(m.combos, '{}')
from dataset as s
join periodtype as p using (periodtypeid)
join categorycombo as c using (categorycomboid)
left join members as m using (datasetid)
where m.elements is not null or %(names)s::text[] is null or case %(scheme)s::text
    when 'UID' then s.uid
    when 'CODE' then s.code
    when 'NAME' then s.name
    else s.attributevalues #>> array[%(attribute)s::text, 'value']
end = any(%(names)s::text[]);
