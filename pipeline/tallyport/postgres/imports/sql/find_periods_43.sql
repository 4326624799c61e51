-- Gives the header's periods the ids that they have, by ISO text.
update staged_period as p
set periodid = q.periodid
from period as q
where q.iso = p.iso;
