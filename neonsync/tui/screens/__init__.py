"""One screen a file, with its CSS beside its code."""
