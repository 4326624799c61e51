"""The embedded database: DHIS2's tables on a PostgreSQL of the user's own. The door is `database.py`."""
