-- Writes the staged rows where nothing is stored in the scope of any group that is staged. Another's value under the same key, stored
-- since, is written over as an update would have done.
-- An empty comment is none.
-- Parameters: username, keeps (whether a null comment keeps what is stored).
-- Touches as many rows as it wrote.
--> into_values
select
    p.data_element, p.periodid, u.id, c.id, a.id,
    s.value, %(username)s::text, now(), now(), nullif(s.comment, ''), coalesce(s.followup, false), s.deleted
from staged as s
--> placed
--> written_over
