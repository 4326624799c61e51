"""Readers of tables: frames, Parquet, Arrow. Their cells become texts, a chunk of rows at a time."""
