-- The tables of the embedded database: those of DHIS2 2.43 that values are imported into, exported from and checked by,
-- under its names, types, keys and indexes. Of wide tables only the columns that a snapshot of metadata can fill, and
-- those that rules read. No geometry: it takes no PostGIS.
-- What is of tallyport alone lies in a schema of its own.
create schema tallyport;
create table tallyport.embedded (
    -- One row. The version of these tables, and the metadata file that was last taken over, null for none.
    version integer not null,
    metadata_file text,
    metadata_sha256 text,
    taken_over timestamp
);

-- What the tables of objects have alike.
create table tallyport.object (
    uid varchar(11) not null unique,
    code varchar(50) unique,
    created timestamp not null,
    lastupdated timestamp not null
);
create table tallyport.named (
    like tallyport.object including indexes,
    name varchar(230) not null unique
);

create sequence hibernate_sequence;

-- Server and users
create table systemsetting (
    systemsettingid bigint primary key,
    name varchar(255) not null unique,
    value text
);
create table userinfo (
    userinfoid bigint primary key,
    like tallyport.object including indexes,
    firstname varchar(160) not null,
    surname varchar(160) not null,
    username varchar(255) not null unique,
    disabled boolean
);
create table userrole (
    userroleid bigint primary key,
    like tallyport.named including indexes
);
create table userroleauthorities (
    userroleid bigint not null references userrole,
    authority varchar(255),
    unique (userroleid, authority)
);
create table userrolemembers (
    userroleid bigint not null references userrole,
    userid bigint not null references userinfo,
    primary key (userid, userroleid)
);
create table usergroup (
    usergroupid bigint primary key,
    like tallyport.object including indexes,
    name varchar(230) not null
);
create table usergroupmembers (
    usergroupid bigint not null references usergroup,
    userid bigint not null references userinfo,
    primary key (usergroupid, userid)
);

-- Periods
create table periodtype (
    periodtypeid integer primary key,
    name varchar(50) not null unique
);
create table period (
    periodid bigint primary key,
    periodtypeid integer references periodtype,
    startdate date not null,
    enddate date not null,
    iso varchar(50) not null unique,
    unique (periodtypeid, startdate, enddate)
);

-- Metadata
create table attribute (
    attributeid bigint primary key,
    like tallyport.named including indexes
);
create table fileresource (
    fileresourceid bigint primary key,
    like tallyport.object including indexes,
    name varchar(230) not null
);
create table organisationunit (
    organisationunitid bigint primary key,
    like tallyport.object including indexes,
    name varchar(230) not null,
    parentid bigint references organisationunit,
    path varchar(255) unique,
    hierarchylevel integer,
    openingdate date not null,
    closeddate date,
    attributevalues jsonb default '{}'
);
create index in_organisationunit_hierarchylevel on organisationunit (hierarchylevel);
create index in_organisationunit_path on organisationunit (path varchar_pattern_ops);
create index in_parentid on organisationunit (parentid);
create table usermembership (
    organisationunitid bigint not null references organisationunit,
    userinfoid bigint not null references userinfo,
    primary key (userinfoid, organisationunitid)
);
create table category (
    categoryid bigint primary key,
    like tallyport.named including indexes,
    attributevalues jsonb default '{}',
    sharing jsonb default '{}'
);
create table categoryoption (
    categoryoptionid bigint primary key,
    like tallyport.named including indexes,
    startdate date,
    enddate date,
    attributevalues jsonb default '{}',
    sharing jsonb default '{}'
);
create table categorycombo (
    categorycomboid bigint primary key,
    like tallyport.named including indexes,
    sharing jsonb default '{}'
);
create table categoryoptioncombo (
    categoryoptioncomboid bigint primary key,
    like tallyport.object including indexes,
    name text,
    ignoreapproval boolean,
    attributevalues jsonb default '{}'
);
create index in_categoryoptioncombo_name on categoryoptioncombo (name);
create table categories_categoryoptions (
    categoryid bigint not null references category,
    sort_order integer not null,
    categoryoptionid bigint not null references categoryoption,
    primary key (categoryid, sort_order)
);
create index in_categories_categoryoptions_coid on categories_categoryoptions (categoryoptionid, categoryid);
create table categorycombos_categories (
    categoryid bigint references category,
    sort_order integer not null,
    categorycomboid bigint not null references categorycombo,
    primary key (categorycomboid, sort_order)
);
create table categorycombos_optioncombos (
    categoryoptioncomboid bigint primary key references categoryoptioncombo,
    categorycomboid bigint not null references categorycombo
);
create index idx_categorycombos_optioncombos_categorycomboid on categorycombos_optioncombos (categorycomboid);
create table categoryoptioncombos_categoryoptions (
    categoryoptioncomboid bigint not null references categoryoptioncombo,
    categoryoptionid bigint not null references categoryoption,
    primary key (categoryoptioncomboid, categoryoptionid)
);
create table categoryoption_organisationunits (
    organisationunitid bigint not null references organisationunit,
    categoryoptionid bigint not null references categoryoption,
    primary key (categoryoptionid, organisationunitid)
);
create table optionset (
    optionsetid bigint primary key,
    like tallyport.named including indexes,
    attributevalues jsonb default '{}',
    sharing jsonb default '{}'
);
create table optionvalue (
    optionvalueid bigint primary key,
    uid varchar(11) not null unique,
    code varchar(230) not null,
    name varchar(230) not null,
    created timestamp not null,
    lastupdated timestamp not null,
    sort_order integer,
    optionsetid bigint references optionset,
    unique (optionsetid, code)
);
create table dataelement (
    dataelementid bigint primary key,
    like tallyport.named including indexes,
    valuetype varchar(50) not null,
    domaintype varchar(255) not null,
    categorycomboid bigint not null references categorycombo,
    zeroissignificant boolean not null,
    optionsetid bigint references optionset,
    commentoptionsetid bigint references optionset,
    attributevalues jsonb default '{}',
    sharing jsonb default '{}'
);
create table dataapprovalworkflow (
    workflowid bigint primary key,
    like tallyport.named including indexes,
    periodtypeid integer not null references periodtype,
    categorycomboid bigint not null references categorycombo
);
create table dataset (
    datasetid bigint primary key,
    like tallyport.object including indexes,
    name varchar(230) not null,
    periodtypeid integer not null references periodtype,
    categorycomboid bigint not null references categorycombo,
    expirydays double precision,
    workflowid bigint references dataapprovalworkflow,
    openfutureperiods integer,
    openperiodsaftercoenddate integer default 0,
    attributevalues jsonb default '{}',
    sharing jsonb default '{}',
    displayoptions jsonb default '{}'
);
create table datasetelement (
    datasetelementid integer primary key,
    datasetid bigint references dataset,
    dataelementid bigint not null references dataelement,
    categorycomboid bigint references categorycombo,
    unique (datasetid, dataelementid)
);
create table datasetsource (
    sourceid bigint not null references organisationunit,
    datasetid bigint not null references dataset,
    primary key (datasetid, sourceid)
);
create index in_datasetsource_sourceid on datasetsource (sourceid);

-- Groups, which filters of an export may name
create table dataelementgroup (
    dataelementgroupid bigint primary key,
    like tallyport.named including indexes,
    shortname varchar(50) not null unique
);
create table dataelementgroupmembers (
    dataelementid bigint not null references dataelement,
    dataelementgroupid bigint not null references dataelementgroup,
    primary key (dataelementgroupid, dataelementid)
);
create table orgunitgroup (
    orgunitgroupid bigint primary key,
    like tallyport.named including indexes,
    shortname varchar(50) not null unique
);
create table orgunitgroupmembers (
    organisationunitid bigint not null references organisationunit,
    orgunitgroupid bigint not null references orgunitgroup,
    primary key (orgunitgroupid, organisationunitid)
);

-- When data may be entered
create table datainputperiod (
    datainputperiodid integer primary key,
    periodid bigint not null references period,
    openingdate timestamp,
    closingdate timestamp,
    datasetid bigint references dataset
);
create table lockexception (
    lockexceptionid bigint primary key,
    organisationunitid bigint references organisationunit,
    periodid bigint references period,
    datasetid bigint references dataset,
    created timestamp not null default now()
);
create table dataapproval (
    dataapprovalid bigint primary key,
    dataapprovallevelid bigint not null,
    workflowid bigint not null references dataapprovalworkflow,
    periodid bigint not null references period,
    organisationunitid bigint not null references organisationunit,
    attributeoptioncomboid bigint not null references categoryoptioncombo,
    accepted boolean not null,
    created timestamp not null,
    creator bigint not null references userinfo,
    unique (dataapprovallevelid, workflowid, periodid, organisationunitid, attributeoptioncomboid)
);

-- Values
create table datavalue (
    dataelementid bigint not null references dataelement,
    periodid bigint not null references period,
    sourceid bigint not null references organisationunit,
    categoryoptioncomboid bigint not null references categoryoptioncombo,
    attributeoptioncomboid bigint not null references categoryoptioncombo,
    value varchar(50000),
    storedby varchar(255) default current_setting('dhis2.user'),
    created timestamp not null default now(),
    lastupdated timestamp not null default now(),
    comment varchar(50000),
    followup boolean,
    deleted boolean not null,
    primary key (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid)
);
create index in_datavalue_deleted on datavalue (deleted);
create index in_datavalue_lastupdated on datavalue (lastupdated);
create table datavalueaudit (
    datavalueauditid bigint primary key,
    dataelementid bigint not null references dataelement,
    periodid bigint not null references period,
    organisationunitid bigint not null references organisationunit,
    categoryoptioncomboid bigint not null references categoryoptioncombo,
    attributeoptioncomboid bigint not null references categoryoptioncombo,
    value varchar(50000),
    created timestamp,
    modifiedby varchar(100),
    audittype varchar(100) not null
);
create index id_datavalueaudit_created on datavalueaudit (created);
create index in_datavalueaudit on datavalueaudit (
    dataelementid, periodid, organisationunitid, categoryoptioncomboid, attributeoptioncomboid
);

-- The change log, as a server of 2.43 has it while its setting changelog.aggregate is on, which is the default.
create function log_datavalue_audit() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or old.value is distinct from new.value or old.deleted is distinct from new.deleted then
        insert into datavalueaudit (
            datavalueauditid, created, modifiedby, dataelementid, periodid, organisationunitid,
            categoryoptioncomboid, attributeoptioncomboid, value, audittype
        )
        values (
            nextval('hibernate_sequence'), now(), left(new.storedby, 100), new.dataelementid, new.periodid,
            new.sourceid, new.categoryoptioncomboid, new.attributeoptioncomboid, new.value,
            case
                when tg_op = 'INSERT' then 'CREATE'
                when new.deleted and (old.deleted is null or not old.deleted) then 'DELETE'
                else 'UPDATE'
            end
        );
    end if;
    return new;
end $$;
create trigger trg_datavalue_audit
after insert or update on datavalue for each row execute function log_datavalue_audit();

-- What every new server has: its period types, and a user who may do everything.
insert into periodtype (periodtypeid, name)
select place, name
from unnest(array[
    'Daily', 'Weekly', 'WeeklyWednesday', 'WeeklyThursday', 'WeeklyFriday', 'WeeklySaturday', 'WeeklySunday',
    'BiWeekly', 'Monthly', 'BiMonthly', 'Quarterly', 'QuarterlyNov', 'SixMonthly', 'SixMonthlyApril', 'SixMonthlyNov',
    'Yearly', 'FinancialFeb', 'FinancialApril', 'FinancialJuly', 'FinancialAug', 'FinancialSep', 'FinancialOct',
    'FinancialNov'
]) with ordinality as listed (name, place);
insert into userinfo (userinfoid, uid, created, lastupdated, firstname, surname, username, disabled)
values (nextval('hibernate_sequence'), 'M5zQapPyTZI', now(), now(), 'admin', 'admin', 'admin', false);
insert into userrole (userroleid, uid, created, lastupdated, name)
values (nextval('hibernate_sequence'), 'yrB6vc5Ip3r', now(), now(), 'Superuser');
insert into userroleauthorities (userroleid, authority) select userroleid, 'ALL' from userrole;
insert into userrolemembers (userroleid, userid) select userroleid, userinfoid from userrole cross join userinfo;
insert into tallyport.embedded (version) values (1);
