-- Lets the planner know how many identifiers there are.
analyze staged_period, staged_unit, staged_combo, staged_attribute;
