-- Identifiers of category combos in a scheme.
-- Parameters: ids (null for all), scheme; category combos have no attributes.
-- Result: id, uid, identifier (null where there is none).
select o.categorycomboid, o.uid, case %(scheme)s::text
        when 'UID' then o.uid
        when 'CODE' then o.code
        when 'NAME' then o.name
        end
from categorycombo as o
where %(ids)s::bigint[] is null or o.categorycomboid = any(%(ids)s::bigint[]);
