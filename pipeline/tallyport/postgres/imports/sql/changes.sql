-- What is planned of a group, a line of JSON for each row, in the rows' order.
-- Parameters: file, number (of the group), data_element (its identifier in the file); staged_as (its number among
-- those that are staged).
-- COPY writes nothing around the lines, as no JSON has these control characters.
copy (
    select json_strip_nulls(json_build_object(
        'file', %(file)s::text, 'group', %(number)s::integer, 'row', d.row_number, 'change', d.change,
        'de', %(data_element)s::text, 'pe', p.iso, 'ou', u.uid, 'coc', c.uid, 'aoc', a.uid,
        'before', d.before, 'comment_before', s.comment, 'followup_before', s.followup, 'deleted_before', s.deleted,
        'value', d.value, 'comment', d.comment, 'followup', d.followup, 'deleted', d.deleted
    ))
    from planned as d
    join staged_period as p on p.group_number = d.group_number and p.periodid = d.periodid
    join organisationunit as u on u.organisationunitid = d.unit
    join categoryoptioncombo as c on c.categoryoptioncomboid = d.combo
    join categoryoptioncombo as a on a.categoryoptioncomboid = d.attribute
    left join stored as s on s.group_number = d.group_number and s.lies_at = d.lies_at
    where d.group_number = %(staged_as)s::integer
    order by d.row_number
) to stdout (format csv, delimiter e'\x02', quote e'\x01');
