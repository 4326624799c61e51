-- Says anew what belongs together, as a snapshot has it. Comes after `objects`.
-- Where there may be millions, only what changes is written.
-- Options have no uid in a snapshot: they get one made of their option set's and their code.
delete from categories_categoryoptions;
delete from categorycombos_categories;
delete from categorycombos_optioncombos;
delete from categoryoptioncombos_categoryoptions;
delete from optionvalue;
delete from datasetelement;
delete from datainputperiod;
insert into categories_categoryoptions (categoryid, sort_order, categoryoptionid)
select k.categoryid, m.sort_order, o.categoryoptionid
from given_category_option as m
join given_category as a on a.place = m.category
join category as k on k.uid = a.uid
join given_categoryoption as b on b.place = m.option
join categoryoption as o on o.uid = b.uid;
insert into categorycombos_categories (categorycomboid, sort_order, categoryid)
select c.categorycomboid, m.sort_order, k.categoryid
from given_combo_category as m
join given_categorycombo as a on a.place = m.combo
join categorycombo as c on c.uid = a.uid
join given_category as b on b.place = m.category
join category as k on k.uid = b.uid;
insert into categorycombos_optioncombos (categoryoptioncomboid, categorycomboid)
select o.categoryoptioncomboid, c.categorycomboid
from given_categoryoptioncombo as a
join categoryoptioncombo as o on o.uid = a.uid
join given_categorycombo as b on b.place = a.combo
join categorycombo as c on c.uid = b.uid;
insert into categoryoptioncombos_categoryoptions (categoryoptioncomboid, categoryoptionid)
select distinct c.categoryoptioncomboid, o.categoryoptionid
from given_option_combo_option as m
join given_categoryoptioncombo as a on a.place = m.option_combo
join categoryoptioncombo as c on c.uid = a.uid
join given_categoryoption as b on b.place = m.option
join categoryoption as o on o.uid = b.uid;
with given as (
    select o.categoryoptionid, u.organisationunitid
    from given_option_unit as m
    join given_categoryoption as a on a.place = m.option
    join categoryoption as o on o.uid = a.uid
    join given_organisationunit as b on b.place = m.unit
    join organisationunit as u on u.uid = b.uid
), gone as (
    delete from categoryoption_organisationunits as o
    where not exists (
        select
        from given as g
        where g.categoryoptionid = o.categoryoptionid and g.organisationunitid = o.organisationunitid
    )
)
insert into categoryoption_organisationunits (categoryoptionid, organisationunitid)
select categoryoptionid, organisationunitid from given
on conflict do nothing;
insert into optionvalue (optionvalueid, uid, code, name, created, lastupdated, sort_order, optionsetid)
select
    nextval('hibernate_sequence'), 'o' || left(md5(s.uid || ' ' || m.code), 10), m.code, m.code, now(), now(),
    m.sort_order, s.optionsetid
from given_optionvalue as m
join given_optionset as a on a.place = m.optionset
join optionset as s on s.uid = a.uid;
insert into datasetelement (datasetelementid, datasetid, dataelementid, categorycomboid)
select nextval('hibernate_sequence'), s.datasetid, e.dataelementid, c.categorycomboid
from given_dataset_element as m
join given_dataset as a on a.place = m.dataset
join dataset as s on s.uid = a.uid
join given_dataelement as b on b.place = m.element
join dataelement as e on e.uid = b.uid
left join given_categorycombo as of_combo on of_combo.place = m.combo
left join categorycombo as c on c.uid = of_combo.uid;
with given as (
    select s.datasetid, u.organisationunitid as sourceid
    from given_dataset_unit as m
    join given_dataset as a on a.place = m.dataset
    join dataset as s on s.uid = a.uid
    join given_organisationunit as b on b.place = m.unit
    join organisationunit as u on u.uid = b.uid
), gone as (
    delete from datasetsource as o
    where not exists (select from given as g where g.datasetid = o.datasetid and g.sourceid = o.sourceid)
)
insert into datasetsource (datasetid, sourceid)
select datasetid, sourceid from given
on conflict do nothing;
insert into period (periodid, periodtypeid, startdate, enddate, iso)
select nextval('hibernate_sequence'), t.periodtypeid, m.startdate, m.enddate, m.iso
from (select distinct kind, startdate, enddate, iso from given_input_period) as m
join periodtype as t on t.name = m.kind
order by m.startdate, m.kind
on conflict do nothing;
insert into datainputperiod (datainputperiodid, periodid, openingdate, closingdate, datasetid)
select nextval('hibernate_sequence'), p.periodid, m.openingdate, m.closingdate, s.datasetid
from given_input_period as m
join given_dataset as a on a.place = m.dataset
join dataset as s on s.uid = a.uid
join period as p on p.iso = m.iso;
