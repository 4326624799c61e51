-- Empties the table of stored values: more are stored than are read at once, or those of another batch.
truncate stored;
