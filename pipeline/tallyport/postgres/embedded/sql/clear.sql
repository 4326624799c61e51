-- Empties a table that is filled again.
delete from {table};
