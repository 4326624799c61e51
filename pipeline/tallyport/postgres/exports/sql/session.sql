-- Settles, until the transaction ends, that a statement gives the same rows in the same order each time.
select
    set_config('synchronize_seqscans', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true),
    set_config('jit', 'off', true);
