"""ADV2 into DHIS2's tables. The door is `import_values.py`."""
