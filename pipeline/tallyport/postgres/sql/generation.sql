-- Which generation of DHIS2 a database is of.
-- Result, one row: the needed columns that it lacks (table.column), and whether periods have an ISO text (2.43).
-- Looks in the schemas of the search path only, as all other statements do.
with needed (relation, attribute) as (
    values
        ('datavalue', 'attributeoptioncomboid'),
        ('datavalue', 'followup'),
        ('datavalue', 'deleted'),
        ('datavalueaudit', 'audittype'),
        ('period', 'startdate'),
        ('periodtype', 'name'),
        ('dataelement', 'categorycomboid'),
        ('datasetelement', 'categorycomboid'),
        ('categorycombos_optioncombos', 'categoryoptioncomboid'),
        ('organisationunit', 'path'),
        ('dataset', 'openperiodsaftercoenddate'),
        ('dataset', 'displayoptions')
), present as (
    select relation, attribute
    from needed
    join pg_attribute on attrelid = to_regclass(relation) and attname = attribute and not attisdropped
)
select
    array(select relation || '.' || attribute from (table needed except table present) as lacking order by 1),
    exists (
        select from pg_attribute where attrelid = to_regclass('period') and attname = 'iso' and not attisdropped
    );
