"""Athena, its catalogue and its exports in S3. Knows nothing of Neon or Postgres."""
