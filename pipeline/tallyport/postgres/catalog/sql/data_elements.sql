-- The data elements that identifiers name; all, if `names` is null.
-- Parameters: names, scheme (UID, CODE, NAME or ATTRIBUTE), attribute (its UID).
-- Result: id, uid, code, name, the attribute's value, domain, value type, zero is significant, category combo's id and
-- uid, ids of the option set and the comment option set.
select
    o.dataelementid, o.uid, o.code, o.name, o.attributevalues #>> array[%(attribute)s::text, 'value'],
    o.domaintype, o.valuetype, o.zeroissignificant, c.categorycomboid, c.uid, o.optionsetid, o.commentoptionsetid
from dataelement as o
join categorycombo as c using (categorycomboid)
where
    %(names)s::text[] is null
    or
    --> is_named
;
