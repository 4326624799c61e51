-- Identifiers of categories in a scheme.
-- Parameters: ids (null for all), scheme, attribute.
-- Result: id, uid, identifier (null where there is none).
select o.categoryid, o.uid, case %(scheme)s::text
        when 'UID' then o.uid
        when 'CODE' then o.code
        when 'NAME' then o.name
        else o.attributevalues #>> array[%(attribute)s::text, 'value']
    end
from category as o
where %(ids)s::bigint[] is null or o.categoryid = any(%(ids)s::bigint[]);
