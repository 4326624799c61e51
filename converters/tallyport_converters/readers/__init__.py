"""Readers: one file per legacy format."""
