-- Writes the change log of what is planned, as DHIS2 2.42 has it: the value before, where it was changed or deleted.
-- Parameters: username.
--> into_change_log
select
    nextval('datavalueaudit_sequence'), data_element, periodid, unit, combo, attribute,
    before, now(), left(%(username)s::text, 100), upper(change)
from planned
where change = 'delete' or (change = 'update' and not deleted and value is distinct from before);
