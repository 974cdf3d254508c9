"""What people and programs get to see of a run: listeners of events, and files at its end."""
