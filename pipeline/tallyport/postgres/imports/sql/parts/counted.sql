    -- Parameters: all_rows. Result: how many rows, the first of them, and all of them if `all_rows` says so.
    returning row_number
)
select count(*), min(row_number), array_agg(row_number) filter (where %(all_rows)s::boolean) from gone;
