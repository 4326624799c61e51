"""The verbs that talk to a DHIS2 server."""
