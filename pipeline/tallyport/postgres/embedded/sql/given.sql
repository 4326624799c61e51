-- Makes a table for lines of another one, with columns like those of that, gone with the transaction.
create temporary table {given} on commit drop as select {columns} from {table} with no data;
