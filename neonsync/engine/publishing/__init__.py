"""What is seen of a run: its tables, all at once, and the checks on them."""
