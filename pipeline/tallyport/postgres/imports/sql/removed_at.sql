-- Result: the time at which this transaction began, as values are stamped with it.
select now()::timestamp::text;
