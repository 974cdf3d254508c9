"""Whether a copy is what the source is: counts and digests by date, and what differs."""
