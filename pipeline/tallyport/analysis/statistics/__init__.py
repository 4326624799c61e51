"""Statistics of many files: counts, gaps, duplicates, ranges and sizes, gathered while rows stream by."""
