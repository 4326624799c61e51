"""Tables: values as one file that other programs read: Parquet, Arrow, CSV, a workbook, a DuckDB database."""
