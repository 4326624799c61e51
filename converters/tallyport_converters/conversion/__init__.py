"""One source on its way into ADV2, in the order of the way. The door is `source_run.py`."""
