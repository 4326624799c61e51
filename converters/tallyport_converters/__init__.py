"""The reading half of tallyport: legacy files in, ADV2 out."""
