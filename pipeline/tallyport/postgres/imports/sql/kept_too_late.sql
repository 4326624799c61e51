-- The first ignored row of a batch that names a part of the scope which batches before it have been through.
-- Parameters: row (the first one to look at); units (how many the header has), start (the batch's first block).
-- Result: its number, or null.
select min(row_number)
from kept
where row_number >= %(row)s and period_place::bigint * %(units)s + unit_place < %(start)s;
