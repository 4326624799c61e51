-- Takes a code, name or path from objects that get another, or whose own an object of the snapshot now has: then these can
-- be given in any order, as no two objects may have the same one at any time. Comes before `objects`.
-- Parameters: keep_uid (whether the UID takes its place, as a name may not be lacking).
update {table} as o
set {column} = case when %(keep_uid)s then o.uid end
where not exists (select from {given} as g where g.uid = o.uid and g.{column} is not distinct from o.{column})
    and (o.uid in (select uid from {given}) or o.{column} in (select {column} from {given}));
