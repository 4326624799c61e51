"""PostgreSQL: values into DHIS2's own tables by native SQL. The SQL lies in `sql/`, one step a file.

Knows DHIS2's tables and nothing of file formats: what it is given are headers and rows of ADV2.
"""
