"""What both halves of tallyport agree on; imports nothing else of the project."""

__version__ = "0.1.0"
