-- The tables of this session that rows pass through; each transaction finds them empty.
-- group_number: which of the groups that are staged together; 0 where it is one alone.
-- staged: rows as they were read, identifiers as places in the header's lists.
--   Who stored a value and when is said by the rows of an undo alone.
-- kept: what ignored rows name, so that no deletion of a scope takes it.
-- staged_period, staged_unit, staged_combo, staged_attribute: the id for each place.
-- stored: what is stored under keys of the scope. planned: what is to be written, and what that changes.
create temporary table kept (
    row_number bigint not null,
    period_place integer not null default 0,
    unit_place integer not null default 0,
    combo_place bigint not null default 0,
    attribute_place bigint not null default 0
) on commit delete rows;
create temporary table staged (
    group_number integer not null default 0,
    like kept including defaults,
    value text,
    deleted boolean not null,
    followup boolean,
    comment text,
    storedby text,
    created timestamp,
    lastupdated timestamp
) on commit delete rows;
create temporary table staged_period (
    group_number integer not null,
    place integer not null,
    data_element bigint not null,
    periodid bigint,
    kind text not null,
    iso text not null,
    startdate date not null,
    enddate date not null,
    primary key (place, group_number)
) on commit delete rows;
create temporary table staged_unit (
    group_number integer not null,
    place bigint not null,
    id bigint not null,
    primary key (place, group_number)
) on commit delete rows;
create temporary table staged_combo (like staged_unit including indexes) on commit delete rows;
create temporary table staged_attribute (like staged_unit including indexes) on commit delete rows;
create temporary table stored (
    group_number integer not null default 0,
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
    group_number integer not null,
    row_number bigint not null,
    data_element bigint not null,
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
