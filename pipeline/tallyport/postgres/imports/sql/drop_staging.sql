-- Drops the tables of this session that rows passed through.
drop table staged, kept, staged_period, staged_unit, staged_combo, staged_attribute, stored, planned;
