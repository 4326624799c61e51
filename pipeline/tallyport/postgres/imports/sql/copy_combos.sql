-- Takes the ids of the headers' option combos by place.
copy staged_combo (group_number, place, id) from stdin;
