-- The data elements that identifiers name; all, if `names` is null.
-- Parameters: names, scheme (UID, CODE, NAME or ATTRIBUTE), attribute (its UID).
-- Result: id, uid, code, name, the attribute's value, domain, value type, zero is significant, category combo's id and
-- uid, uids of the option set and the comment option set.
select
    e.dataelementid, e.uid, e.code, e.name, e.attributevalues #>> array[%(attribute)s::text, 'value'],
    e.domaintype, e.valuetype, e.zeroissignificant, c.categorycomboid, c.uid, o.uid, m.uid
from dataelement as e
join categorycombo as c using (categorycomboid)
left join optionset as o on o.optionsetid = e.optionsetid
left join optionset as m on m.optionsetid = e.commentoptionsetid
where %(names)s::text[] is null or case %(scheme)s::text
    when 'UID' then e.uid
    when 'CODE' then e.code
    when 'NAME' then e.name
    else e.attributevalues #>> array[%(attribute)s::text, 'value']
end = any(%(names)s::text[]);
