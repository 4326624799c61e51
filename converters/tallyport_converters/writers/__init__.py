"""Writers of legacy formats, one a module; writer.py says what each gives, formats.py lists them."""
