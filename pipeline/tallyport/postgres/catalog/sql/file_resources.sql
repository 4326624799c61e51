-- The files that there are.
-- Result: uid.
select uid from fileresource;
