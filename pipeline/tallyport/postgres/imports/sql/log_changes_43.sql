-- Writes the change log of what is planned, as the trigger of DHIS2 2.43 would where it is set aside: the value after.
-- Parameters: username.
--> into_change_log
select
    nextval('hibernate_sequence'), data_element, periodid, unit, combo, attribute,
    value, now(), left(%(username)s::text, 100),
    case change when 'insert' then 'CREATE' when 'delete' then 'DELETE' else 'UPDATE' end
from planned
where (change <> 'update' or value is distinct from before)
    and current_setting('session_replication_role') = 'replica';
