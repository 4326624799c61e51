-- The tables of this session that rows pass through; each transaction finds them empty.
-- staged: rows as they were read, identifiers as places in the header's lists.
-- kept: what ignored rows name, so that no deletion of a scope takes it.
-- staged_period, staged_unit, staged_combo, staged_attribute: the id for each place.
-- stored: what is stored under keys of the scope. planned: what is to be written, and what that changes.
create temporary table staged (
    row_number bigint not null,
    period_place integer not null default 0,
    unit_place integer not null default 0,
    combo_place bigint not null default 0,
    attribute_place bigint not null default 0,
    value text,
    deleted boolean not null,
    followup boolean,
    comment text
) on commit delete rows;
create temporary table kept (
    row_number bigint not null,
    period_place integer not null default 0,
    unit_place integer not null default 0,
    combo_place bigint not null default 0,
    attribute_place bigint not null default 0
) on commit delete rows;
create temporary table staged_period (
    place integer primary key,
    periodid bigint,
    kind text not null,
    iso text not null,
    startdate date not null,
    enddate date not null
) on commit delete rows;
create temporary table staged_unit (place integer primary key, id bigint not null) on commit delete rows;
create temporary table staged_combo (place bigint primary key, id bigint not null) on commit delete rows;
create temporary table staged_attribute (place bigint primary key, id bigint not null) on commit delete rows;
create temporary table stored (
    lies_at tid not null,
    periodid bigint not null,
    unit bigint not null,
    combo bigint not null,
    attribute bigint not null,
    value text,
    deleted boolean not null,
    followup boolean,
    comment text
) on commit delete rows;
create temporary table planned (
    row_number bigint not null,
    lies_at tid,
    periodid bigint not null,
    unit bigint not null,
    combo bigint not null,
    attribute bigint not null,
    value text,
    deleted boolean not null,
    followup boolean,
    comment text,
    before text,
    change text not null
) on commit delete rows;
