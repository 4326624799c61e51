"""What both halves of tallyport agree on; imports nothing else of the project."""
