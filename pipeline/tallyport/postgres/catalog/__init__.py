"""Metadata of a DHIS2 database, looked up as groups name it and remembered for the run."""
