-- Result: how many rows are staged.
select count(*) from staged;
