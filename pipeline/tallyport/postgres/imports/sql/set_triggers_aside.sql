-- Checks the foreign keys of all that the groups that are staged can write at once, as their triggers would row by row: locks what is
-- referred to against removal. Then sets triggers aside, until `restore_triggers`. Where something is gone, triggers
-- stay, and tell.
-- Result, one row: whether triggers are set aside.
with wanted_elements as (
    select distinct data_element from staged_period
), elements as (
    select from dataelement where dataelementid in (table wanted_elements) for key share
), wanted_periods as (
    select distinct periodid from staged_period where periodid is not null
), periods as (
    select from period where periodid in (table wanted_periods) for key share
), wanted_units as (
    select distinct id from staged_unit
), units as (
    select from organisationunit where organisationunitid in (table wanted_units) for key share
), wanted_combos as (
    select id from staged_combo union select id from staged_attribute
), combos as (
    select from categoryoptioncombo where categoryoptioncomboid in (table wanted_combos) for key share
), locked as (
    select
        (select count(*) from elements) = (select count(*) from wanted_elements)
            and (select count(*) from periods) = (select count(*) from wanted_periods)
            and (select count(*) from units) = (select count(*) from wanted_units)
            and (select count(*) from combos) = (select count(*) from wanted_combos) as all_there
)
select set_config(
    'session_replication_role',
    case when all_there then 'replica' else current_setting('session_replication_role') end,
    true
) = 'replica'
from locked;
