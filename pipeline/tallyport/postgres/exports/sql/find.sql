-- The objects of a table that a filter names: by UID, or else by code.
-- Parameters: names.
-- Result: name, id (null where there is none).
select
    n.name,
    (select o.{id} from {table} as o where o.uid = n.name or o.code = n.name order by o.uid <> n.name limit 1)
from unnest(%(names)s::text[]) as n (name);
