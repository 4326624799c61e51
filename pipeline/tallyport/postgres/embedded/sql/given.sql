-- The tables that a snapshot of metadata passes through, gone with the transaction. An object is told by its place in the
-- snapshot; references and members are places of other objects.
create temporary table given_attribute (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null
) on commit drop;
create temporary table given_fileresource (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null
) on commit drop;
create temporary table given_organisationunit (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null,
    parent integer,
    path varchar(255) not null,
    hierarchylevel integer not null,
    openingdate date not null,
    closeddate date,
    attributevalues jsonb not null
) on commit drop;
create temporary table given_category (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null,
    attributevalues jsonb not null
) on commit drop;
create temporary table given_categoryoption (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null,
    startdate date,
    enddate date,
    attributevalues jsonb not null
) on commit drop;
create temporary table given_categorycombo (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null
) on commit drop;
create temporary table given_categoryoptioncombo (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name text,
    combo integer,
    attributevalues jsonb not null
) on commit drop;
create temporary table given_optionset (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null,
    attributevalues jsonb not null
) on commit drop;
create temporary table given_optionvalue (
    optionset integer not null,
    sort_order integer not null,
    code varchar(230) not null
) on commit drop;
create temporary table given_dataelement (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null,
    valuetype varchar(50) not null,
    domaintype varchar(255) not null,
    combo integer not null,
    zeroissignificant boolean not null,
    optionset integer,
    commentoptionset integer,
    attributevalues jsonb not null
) on commit drop;
create temporary table given_dataset (
    place integer not null,
    uid varchar(11) not null,
    code varchar(50),
    name varchar(230) not null,
    periodtype varchar(50) not null,
    combo integer not null,
    expirydays double precision,
    openfutureperiods integer,
    openperiodsaftercoenddate integer not null,
    attributevalues jsonb not null
) on commit drop;
create temporary table given_category_option (
    category integer not null,
    sort_order integer not null,
    option integer not null
) on commit drop;
create temporary table given_combo_category (
    combo integer not null,
    sort_order integer not null,
    category integer not null
) on commit drop;
create temporary table given_option_combo_option (
    option_combo integer not null,
    option integer not null
) on commit drop;
create temporary table given_option_unit (
    option integer not null,
    unit integer not null
) on commit drop;
create temporary table given_dataset_element (
    dataset integer not null,
    element integer not null,
    combo integer
) on commit drop;
create temporary table given_dataset_unit (
    dataset integer not null,
    unit integer not null
) on commit drop;
create temporary table given_input_period (
    dataset integer not null,
    kind varchar(50) not null,
    iso varchar(50) not null,
    startdate date not null,
    enddate date not null,
    openingdate date,
    closingdate date
) on commit drop;
