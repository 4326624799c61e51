-- Takes the ids of the headers' attribute option combos by place.
copy staged_attribute (group_number, place, id) from stdin;
