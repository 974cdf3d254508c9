"""Other loaders, each in a program of its own that reads Parquet files from the disk."""
