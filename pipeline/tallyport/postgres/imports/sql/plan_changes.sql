-- Compares the staged rows with what is stored: plans those that change something. A null follow-up or comment keeps
-- what is stored, unless the group has removed it; an empty comment removes it.
-- Parameters: keeps (whether it does).
with matched as (
    select
        s.group_number, s.row_number, d.lies_at, p.data_element, p.periodid, u.id as unit, c.id as combo,
        a.id as attribute, s.value, s.deleted,
        coalesce(s.followup, case when d.deleted is null or not %(keeps)s::boolean then false else d.followup end)
            as followup,
        case
            when s.comment is null then case when %(keeps)s::boolean then d.comment end
            else nullif(s.comment, '')
        end as comment,
        d.value as before, d.deleted as was_deleted, d.followup as old_followup, d.comment as old_comment
    from staged as s
    --> placed
    left join stored as d
        on d.group_number = s.group_number and d.periodid = p.periodid and d.unit = u.id and d.combo = c.id
            and d.attribute = a.id
), compared as (
    select
        *,
        was_deleted <> deleted or value is distinct from before or followup is distinct from old_followup
            or coalesce(comment, '') <> coalesce(old_comment, '') as differs
    from matched
--> planned
