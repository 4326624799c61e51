-- Empties the tables that hold a batch of rows, for the next one.
truncate staged, planned;
