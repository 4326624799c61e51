-- Identifiers of the objects of a table in a scheme. `attributes` is the column
-- that holds those by attribute; any text where there is none.
-- Parameters: ids (null for all), scheme, attribute.
-- Result: id, uid, identifier (null where there is none).
select o.{id}, o.uid, case %(scheme)s::text
        when 'UID' then o.uid
        when 'CODE' then o.code
        when 'NAME' then o.name
        else to_jsonb(o.{attributes}) #>> array[%(attribute)s::text, 'value']
    end
from {table} as o
where %(ids)s::bigint[] is null or o.{id} = any(%(ids)s::bigint[]);
