-- All that is stored in the header's scope, in the order of the header's lists.
-- Parameters: data_element (its id).
-- Result: the time at which this transaction began, as values are stamped with it, and how many rows there are; places
-- of period, unit, combo and attribute combo; value, deleted, follow-up, comment; who stored it, when it was made and
-- changed last.
select
    now()::timestamp::text, count(*) over (), p.place, u.place, c.place, a.place, d.value, d.deleted, d.followup, d.comment,
    d.storedby, d.created::timestamp::text, d.lastupdated::timestamp::text
from datavalue as d
join staged_period as p on p.periodid = d.periodid
join staged_unit as u on u.id = d.sourceid
join staged_combo as c on c.id = d.categoryoptioncomboid
join staged_attribute as a on a.id = d.attributeoptioncomboid
where d.dataelementid = %(data_element)s::bigint
order by p.place, u.place, c.place, a.place;
