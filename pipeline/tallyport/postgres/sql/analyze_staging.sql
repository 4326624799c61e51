-- Lets the planner know how many rows there are.
analyze staged, staged_period, staged_unit, staged_combo, staged_attribute;
