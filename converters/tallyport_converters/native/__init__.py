"""The scanner in C, and its face in Python.

`abi` is made of its header, `library` loads it, the others own its objects.
"""
