-- The data sets that an identifier names, and those that a data element is in.
-- Parameters: names, scheme, attribute, data_element (its id, null for none).
-- Result: id, uid, code, name, the attribute's value, period type, category combo's id and uid, expiry days, open
-- future periods, open periods after the options' end, whether the data element is in it, and the id and uid of the
-- category combo that overrides the data element's own there.
select
    s.datasetid, s.uid, s.code, s.name, s.attributevalues #>> array[%(attribute)s::text, 'value'],
    p.name, c.categorycomboid, c.uid, s.expirydays, s.openfutureperiods, s.openperiodsaftercoenddate,
    e.dataelementid is not null, o.categorycomboid, o.uid
from dataset as s
join periodtype as p using (periodtypeid)
join categorycombo as c using (categorycomboid)
left join datasetelement as e on e.datasetid = s.datasetid and e.dataelementid = %(data_element)s::bigint
left join categorycombo as o on o.categorycomboid = e.categorycomboid
where e.dataelementid is not null or case %(scheme)s::text
    when 'UID' then s.uid
    when 'CODE' then s.code
    when 'NAME' then s.name
    else s.attributevalues #>> array[%(attribute)s::text, 'value']
end = any(%(names)s::text[]);
