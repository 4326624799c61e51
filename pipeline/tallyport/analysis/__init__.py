"""Analysis: what is in a file. `show` looks into one, `stats` counts what is in many. Nothing here prints or writes."""
