-- Takes the headers' periods.
copy staged_period (group_number, place, data_element, kind, iso, startdate, enddate) from stdin;
