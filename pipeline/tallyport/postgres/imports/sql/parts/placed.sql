join staged_period as p on p.place = s.period_place and p.group_number = s.group_number
join staged_unit as u on u.place = s.unit_place and u.group_number = s.group_number
join staged_combo as c on c.place = s.combo_place and c.group_number = s.group_number
join staged_attribute as a on a.place = s.attribute_place and a.group_number = s.group_number
