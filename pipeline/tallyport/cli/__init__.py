"""The command line: one verb a file; parse, call, draw."""

AS_JSON = "tallyport.as_json"
"""By this a command notes in click's `meta` that its answer is one JSON document: so a failure is told as one too."""
