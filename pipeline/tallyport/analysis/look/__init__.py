"""A look into one file or folder: its header, what its fields are read as, and the rows that are asked for."""
