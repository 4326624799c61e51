-- Takes the ids of the header's organisation units by place.
copy staged_unit (place, id) from stdin;
