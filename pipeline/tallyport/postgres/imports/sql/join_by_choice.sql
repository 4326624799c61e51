-- Takes back `join_by_hash`.
set local enable_nestloop = on;
set local enable_mergejoin = on;
