-- Takes lines.
copy {table} ({columns}) from stdin;
