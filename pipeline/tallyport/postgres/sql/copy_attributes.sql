-- Takes the ids of the header's attribute option combos by place.
copy staged_attribute (place, id) from stdin;
