-- Which objects a table has.
-- Result: uid, id.
select uid, {id} from {table};
