-- Which of the objects in doubt the values to export refer to.
-- Parameters: the filters of values.sql; doubt_de, doubt_pe, doubt_ou, doubt_coc, doubt_aoc (ids).
-- Result: kind, id. Values are looked through once for each kind with an object in doubt.
with chosen as not materialized (
    select d.dataelementid, d.periodid, d.sourceid, d.categoryoptioncomboid, d.attributeoptioncomboid
    from datavalue as d
    --> chosen
)
select distinct 'de', dataelementid from chosen
where cardinality(%(doubt_de)s::bigint[]) > 0 and dataelementid = any(%(doubt_de)s::bigint[])
union all
select distinct 'pe', periodid from chosen
where cardinality(%(doubt_pe)s::bigint[]) > 0 and periodid = any(%(doubt_pe)s::bigint[])
union all
select distinct 'ou', sourceid from chosen
where cardinality(%(doubt_ou)s::bigint[]) > 0 and sourceid = any(%(doubt_ou)s::bigint[])
union all
select distinct 'coc', categoryoptioncomboid from chosen
where cardinality(%(doubt_coc)s::bigint[]) > 0 and categoryoptioncomboid = any(%(doubt_coc)s::bigint[])
union all
select distinct 'aoc', attributeoptioncomboid from chosen
where cardinality(%(doubt_aoc)s::bigint[]) > 0 and attributeoptioncomboid = any(%(doubt_aoc)s::bigint[]);
