-- Until the transaction ends, or `join_by_choice`: all sets are joined by hash. What the planner believes of a table that
-- was just filled or emptied may be so wrong that comparing two sets takes the square of their size; this way it needs
-- to believe nothing, and temporary tables need no analysis.
set local enable_nestloop = off;
set local enable_mergejoin = off;
