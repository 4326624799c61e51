-- Takes the header's periods.
copy staged_period (place, kind, iso, startdate, enddate) from stdin;
