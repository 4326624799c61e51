"""Push: values of any source to a DHIS2 server. The door is `push.py`."""
