-- Takes the ids of the headers' organisation units by place.
copy staged_unit (group_number, place, id) from stdin;
