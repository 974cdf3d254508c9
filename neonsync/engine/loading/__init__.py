"""From the lake to a full staging table: export, files, chunks, COPY, indexes."""
