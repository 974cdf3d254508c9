"""Athena's SQL on DuckDB: the dialect, what the binder is asked, and Trino's texts of values."""
