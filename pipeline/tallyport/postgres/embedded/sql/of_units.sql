-- Says anew which organisation units are named by what, where there may be millions: only what changes is written.
delete from {table} as o
where not exists (select from {given} as g where g.{owner} = o.{owner} and g.{unit} = o.{unit});
insert into {table} ({owner}, {unit}) select {owner}, {unit} from {given} on conflict do nothing;
