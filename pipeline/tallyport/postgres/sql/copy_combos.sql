-- Takes the ids of the header's option combos by place.
copy staged_combo (place, id) from stdin;
