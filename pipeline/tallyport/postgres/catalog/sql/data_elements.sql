-- The data elements that identifiers name; all, if `names` is null.
-- Parameters: names, scheme (UID, CODE, NAME or ATTRIBUTE), attribute (its UID).
-- Result: id, uid, code, name, the attribute's value, domain, value type, zero is significant, category combo's id and
-- uid, uids of the option set and the comment option set.
select
    o.dataelementid, o.uid, o.code, o.name, o.attributevalues #>> array[%(attribute)s::text, 'value'],
    o.domaintype, o.valuetype, o.zeroissignificant, c.categorycomboid, c.uid, s.uid, m.uid
from dataelement as o
join categorycombo as c using (categorycomboid)
left join optionset as s on s.optionsetid = o.optionsetid
left join optionset as m on m.optionsetid = o.commentoptionsetid
where
    %(names)s::text[] is null
    or
    --> is_named
;
