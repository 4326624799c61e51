"""Maintenance of a server: data integrity, analytics, caches, option combos."""
