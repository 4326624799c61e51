-- Which triggers fire for each row that is written, and whether an import may do their work itself, for all at once.
-- Known are the foreign keys of values and of their change log, and the trigger of DHIS2 2.43 that writes the log, by
-- its text without the white space; where there is anything else, or the role must not lock what is referred to, all
-- triggers stay as they are.
-- Result, one row: whether it may; whether the trigger that writes the log is there; the replication role of the
-- session.
with known (relation) as (
    select to_regclass(name)
    from unnest(array['dataelement', 'period', 'organisationunit', 'categoryoptioncombo']) as name
), written (relation) as (
    select to_regclass(name) from unnest(array['datavalue', 'datavalueaudit']) as name
), firing as (
    select
        t.tgname,
        c.contype = 'f' and c.conrelid = t.tgrelid and c.confrelid in (table known) as is_key,
        t.tgrelid = to_regclass('datavalue') and t.tgtype = 21 and t.tgqual is null and t.tgenabled = 'O'
            and md5(regexp_replace(f.prosrc, '\s', '', 'g')) = '1d7edd81031bf1d53399d0bc6aefa9d8' as is_log
    from pg_trigger as t
    join pg_proc as f on f.oid = t.tgfoid
    left join pg_constraint as c on c.oid = t.tgconstraint
    where t.tgrelid in (table written) and t.tgenabled <> 'D'
)
select
    not exists (select from firing where is_key is not true and is_log is not true)
        and (select bool_and(has_any_column_privilege(relation, 'update')) from known)
        and not exists (
            select
            from pg_class
            where oid in (table written) and (relkind <> 'r' or relhasrules or relispartition or relhassubclass)
        ),
    exists (select from firing where is_log),
    current_setting('session_replication_role');
