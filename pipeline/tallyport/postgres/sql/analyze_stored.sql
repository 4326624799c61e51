-- Lets the planner know how much is stored.
analyze stored;
