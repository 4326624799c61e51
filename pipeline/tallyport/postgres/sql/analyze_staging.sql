-- Lets the planner know how many rows there are.
analyze staged;
