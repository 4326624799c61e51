-- Takes lines of COPY's text form.
copy {table} ({columns}) from stdin;
