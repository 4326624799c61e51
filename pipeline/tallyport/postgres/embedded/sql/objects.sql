-- Makes the objects of a table that a snapshot has in addition, and changes those that it has otherwise: these keep
-- their ids, and their values with it. Comes after `free`.
insert into {table} ({columns}, created, lastupdated)
select g.*, now(), now()
from {given} as g
where not exists (select from {table} as o where o.{id} = g.{id});
update {table} as o
set ({columns}) = row(g.*), lastupdated = now()
from (select {columns} from {given} except select {columns} from {table}) as g
where g.{id} = o.{id};
