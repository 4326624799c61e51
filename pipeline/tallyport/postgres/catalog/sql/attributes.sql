-- Which of some attributes there are.
-- Parameters: uids.
-- Result: uid.
select uid from attribute where uid = any(%(uids)s::text[]);
