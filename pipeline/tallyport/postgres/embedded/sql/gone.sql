-- The objects of the database that a snapshot does not have.
-- Result: the collection, uid.
select 'attributes', uid from attribute where uid not in (select uid from given_attribute)
union all
select 'fileResources', uid from fileresource where uid not in (select uid from given_fileresource)
union all
select 'organisationUnits', uid from organisationunit where uid not in (select uid from given_organisationunit)
union all
select 'categories', uid from category where uid not in (select uid from given_category)
union all
select 'categoryOptions', uid from categoryoption where uid not in (select uid from given_categoryoption)
union all
select 'categoryCombos', uid from categorycombo where uid not in (select uid from given_categorycombo)
union all
select 'categoryOptionCombos', uid from categoryoptioncombo where uid not in (select uid from given_categoryoptioncombo)
union all
select 'optionSets', uid from optionset where uid not in (select uid from given_optionset)
union all
select 'dataElements', uid from dataelement where uid not in (select uid from given_dataelement)
union all
select 'dataSets', uid from dataset where uid not in (select uid from given_dataset)
order by 1, 2;
