"""Frames: ADV2 values as tables of polars and Arrow, a row for each value."""
