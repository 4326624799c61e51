"""Validation of ADV2: header once, rows in a stream. The door is `files.py`."""
