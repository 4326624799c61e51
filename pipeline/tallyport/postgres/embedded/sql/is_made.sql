-- Whether the tables of the embedded database are there.
-- Result, one row: true or false.
select to_regclass('tallyport.embedded') is not null;
