-- Takes codes, names and paths from objects that get others, or whose own an object of the snapshot now has: then these
-- can be given in any order, as no two objects may have the same one at any time.
update attribute as o
set code = null, name = uid
where not exists (select from given_attribute as g where g.uid = o.uid and g.code is not distinct from o.code and g.name is not distinct from o.name)
    and (
        o.uid in (select uid from given_attribute)
        or o.code in (select code from given_attribute)
        or o.name in (select name from given_attribute)
    );
update fileresource as o
set code = null
where not exists (select from given_fileresource as g where g.uid = o.uid and g.code is not distinct from o.code)
    and (
        o.uid in (select uid from given_fileresource)
        or o.code in (select code from given_fileresource)
    );
update organisationunit as o
set code = null, path = null
where not exists (select from given_organisationunit as g where g.uid = o.uid and g.code is not distinct from o.code and g.path is not distinct from o.path)
    and (
        o.uid in (select uid from given_organisationunit)
        or o.code in (select code from given_organisationunit)
        or o.path in (select path from given_organisationunit)
    );
update category as o
set code = null, name = uid
where not exists (select from given_category as g where g.uid = o.uid and g.code is not distinct from o.code and g.name is not distinct from o.name)
    and (
        o.uid in (select uid from given_category)
        or o.code in (select code from given_category)
        or o.name in (select name from given_category)
    );
update categoryoption as o
set code = null, name = uid
where not exists (select from given_categoryoption as g where g.uid = o.uid and g.code is not distinct from o.code and g.name is not distinct from o.name)
    and (
        o.uid in (select uid from given_categoryoption)
        or o.code in (select code from given_categoryoption)
        or o.name in (select name from given_categoryoption)
    );
update categorycombo as o
set code = null, name = uid
where not exists (select from given_categorycombo as g where g.uid = o.uid and g.code is not distinct from o.code and g.name is not distinct from o.name)
    and (
        o.uid in (select uid from given_categorycombo)
        or o.code in (select code from given_categorycombo)
        or o.name in (select name from given_categorycombo)
    );
update categoryoptioncombo as o
set code = null
where not exists (select from given_categoryoptioncombo as g where g.uid = o.uid and g.code is not distinct from o.code)
    and (
        o.uid in (select uid from given_categoryoptioncombo)
        or o.code in (select code from given_categoryoptioncombo)
    );
update optionset as o
set code = null, name = uid
where not exists (select from given_optionset as g where g.uid = o.uid and g.code is not distinct from o.code and g.name is not distinct from o.name)
    and (
        o.uid in (select uid from given_optionset)
        or o.code in (select code from given_optionset)
        or o.name in (select name from given_optionset)
    );
update dataelement as o
set code = null, name = uid
where not exists (select from given_dataelement as g where g.uid = o.uid and g.code is not distinct from o.code and g.name is not distinct from o.name)
    and (
        o.uid in (select uid from given_dataelement)
        or o.code in (select code from given_dataelement)
        or o.name in (select name from given_dataelement)
    );
update dataset as o
set code = null
where not exists (select from given_dataset as g where g.uid = o.uid and g.code is not distinct from o.code)
    and (
        o.uid in (select uid from given_dataset)
        or o.code in (select code from given_dataset)
    );
