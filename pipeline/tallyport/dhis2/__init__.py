"""DHIS2: what a migration asks of a server's Web API, 2.41 to 2.43, as an asynchronous client.

Knows the Web API. What is pushed are headers and rows of ADV2; what is pulled becomes a snapshot of metadata.
"""
