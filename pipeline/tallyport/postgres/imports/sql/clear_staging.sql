-- Empties the tables of this session, for a group within a transaction that has had others.
truncate staged, kept, staged_period, staged_unit, staged_combo, staged_attribute, stored, planned;
