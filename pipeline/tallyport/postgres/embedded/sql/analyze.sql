-- Lets the planner know how much metadata there is.
analyze {tables};
