-- Identifiers of data sets in a scheme.
-- Parameters: ids (null for all), scheme, attribute.
-- Result: id, uid, identifier (null where there is none).
select o.datasetid, o.uid, case %(scheme)s::text
        when 'UID' then o.uid
        when 'CODE' then o.code
        when 'NAME' then o.name
        else o.attributevalues #>> array[%(attribute)s::text, 'value']
    end
from dataset as o
where %(ids)s::bigint[] is null or o.datasetid = any(%(ids)s::bigint[]);
