"""Write back: ADV2 files into legacy files. The door is `write.py`."""
