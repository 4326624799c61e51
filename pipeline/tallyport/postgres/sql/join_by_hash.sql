-- Until the transaction ends, or `join_by_choice`: no nested loops. What the planner believes of a table that was just
-- filled or emptied may be so wrong that comparing two sets takes the square of their size.
set local enable_nestloop = off;
