-- Identifiers of data elements in a scheme.
-- Parameters: ids (null for all), scheme, attribute.
-- Result: id, uid, identifier (null where there is none).
select o.dataelementid, o.uid, case %(scheme)s::text
        when 'UID' then o.uid
        when 'CODE' then o.code
        when 'NAME' then o.name
        else o.attributevalues #>> array[%(attribute)s::text, 'value']
    end
from dataelement as o
where %(ids)s::bigint[] is null or o.dataelementid = any(%(ids)s::bigint[]);
