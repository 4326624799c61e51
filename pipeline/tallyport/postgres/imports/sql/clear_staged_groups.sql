-- Takes the rows of groups back that are staged together with others.
-- Parameters: groups (their numbers).
delete from staged where group_number = any(%(groups)s::integer[]);
