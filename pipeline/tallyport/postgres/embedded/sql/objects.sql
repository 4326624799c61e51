-- Makes the objects of a snapshot, and changes those that are there: an object keeps its id, and its values with it.
-- Comes after `free`.
insert into attribute as o (attributeid, uid, created, lastupdated, code, name)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name
from given_attribute as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, lastupdated = now()
where (o.code, o.name)
    is distinct from (excluded.code, excluded.name);
insert into fileresource as o (fileresourceid, uid, created, lastupdated, code, name)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name
from given_fileresource as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, lastupdated = now()
where (o.code, o.name)
    is distinct from (excluded.code, excluded.name);
insert into organisationunit as o (
    organisationunitid, uid, created, lastupdated, code, name, path, hierarchylevel, openingdate, closeddate,
    attributevalues
)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name, g.path, g.hierarchylevel, g.openingdate,
    g.closeddate, g.attributevalues
from given_organisationunit as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, path = excluded.path, hierarchylevel = excluded.hierarchylevel,
    openingdate = excluded.openingdate, closeddate = excluded.closeddate,
    attributevalues = excluded.attributevalues, lastupdated = now()
where
    (o.code, o.name, o.path, o.hierarchylevel, o.openingdate, o.closeddate, o.attributevalues)
    is distinct from (excluded.code, excluded.name, excluded.path, excluded.hierarchylevel, excluded.openingdate,
    excluded.closeddate, excluded.attributevalues);
update organisationunit as o
set parentid = p.organisationunitid
from given_organisationunit as g
left join given_organisationunit as above on above.place = g.parent
left join organisationunit as p on p.uid = above.uid
where o.uid = g.uid and o.parentid is distinct from p.organisationunitid;
insert into category as o (categoryid, uid, created, lastupdated, code, name, attributevalues)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name, g.attributevalues
from given_category as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, attributevalues = excluded.attributevalues, lastupdated = now()
where (o.code, o.name, o.attributevalues)
    is distinct from (excluded.code, excluded.name, excluded.attributevalues);
insert into categoryoption as o (
    categoryoptionid, uid, created, lastupdated, code, name, startdate, enddate, attributevalues
)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name, g.startdate, g.enddate,
    g.attributevalues
from given_categoryoption as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, startdate = excluded.startdate, enddate = excluded.enddate,
    attributevalues = excluded.attributevalues, lastupdated = now()
where
    (o.code, o.name, o.startdate, o.enddate, o.attributevalues)
    is distinct from (excluded.code, excluded.name, excluded.startdate, excluded.enddate, excluded.attributevalues);
insert into categorycombo as o (categorycomboid, uid, created, lastupdated, code, name)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name
from given_categorycombo as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, lastupdated = now()
where (o.code, o.name)
    is distinct from (excluded.code, excluded.name);
insert into categoryoptioncombo as o (categoryoptioncomboid, uid, created, lastupdated, code, name, attributevalues)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name, g.attributevalues
from given_categoryoptioncombo as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, attributevalues = excluded.attributevalues, lastupdated = now()
where (o.code, o.name, o.attributevalues)
    is distinct from (excluded.code, excluded.name, excluded.attributevalues);
insert into optionset as o (optionsetid, uid, created, lastupdated, code, name, attributevalues)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name, g.attributevalues
from given_optionset as g
on conflict (uid) do update
set code = excluded.code, name = excluded.name, attributevalues = excluded.attributevalues, lastupdated = now()
where (o.code, o.name, o.attributevalues)
    is distinct from (excluded.code, excluded.name, excluded.attributevalues);
insert into dataelement as o (
    dataelementid, uid, created, lastupdated, code, name, valuetype, domaintype, categorycomboid,
    zeroissignificant, optionsetid, commentoptionsetid, attributevalues
)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name, g.valuetype, g.domaintype,
    c.categorycomboid, g.zeroissignificant, v.optionsetid, m.optionsetid, g.attributevalues
from given_dataelement as g
join given_categorycombo as of_combo on of_combo.place = g.combo
join categorycombo as c on c.uid = of_combo.uid
left join given_optionset as of_values on of_values.place = g.optionset
left join optionset as v on v.uid = of_values.uid
left join given_optionset as of_comments on of_comments.place = g.commentoptionset
left join optionset as m on m.uid = of_comments.uid
on conflict (uid) do update
set code = excluded.code, name = excluded.name, valuetype = excluded.valuetype,
    domaintype = excluded.domaintype, categorycomboid = excluded.categorycomboid,
    zeroissignificant = excluded.zeroissignificant, optionsetid = excluded.optionsetid,
    commentoptionsetid = excluded.commentoptionsetid, attributevalues = excluded.attributevalues, lastupdated = now()
where
    (o.code, o.name, o.valuetype, o.domaintype, o.categorycomboid, o.zeroissignificant, o.optionsetid,
    o.commentoptionsetid, o.attributevalues)
    is distinct from (excluded.code, excluded.name, excluded.valuetype, excluded.domaintype, excluded.categorycomboid,
    excluded.zeroissignificant, excluded.optionsetid, excluded.commentoptionsetid, excluded.attributevalues);
insert into dataset as o (
    datasetid, uid, created, lastupdated, code, name, periodtypeid, categorycomboid, expirydays,
    openfutureperiods, openperiodsaftercoenddate, attributevalues
)
select
    nextval('hibernate_sequence'), g.uid, now(), now(), g.code, g.name, p.periodtypeid, c.categorycomboid,
    g.expirydays, g.openfutureperiods, g.openperiodsaftercoenddate, g.attributevalues
from given_dataset as g
join periodtype as p on p.name = g.periodtype
join given_categorycombo as of_combo on of_combo.place = g.combo
join categorycombo as c on c.uid = of_combo.uid
on conflict (uid) do update
set code = excluded.code, name = excluded.name, periodtypeid = excluded.periodtypeid,
    categorycomboid = excluded.categorycomboid, expirydays = excluded.expirydays, openfutureperiods = excluded.openfutureperiods,
    openperiodsaftercoenddate = excluded.openperiodsaftercoenddate, attributevalues = excluded.attributevalues,
    lastupdated = now()
where
    (o.code, o.name, o.periodtypeid, o.categorycomboid, o.expirydays, o.openfutureperiods,
    o.openperiodsaftercoenddate, o.attributevalues)
    is distinct from (excluded.code, excluded.name, excluded.periodtypeid, excluded.categorycomboid, excluded.expirydays,
    excluded.openfutureperiods, excluded.openperiodsaftercoenddate, excluded.attributevalues);
