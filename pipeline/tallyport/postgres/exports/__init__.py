"""Stored values out of DHIS2's tables. The door is `export_values.py`."""
