"""What a user can do, for the command line and the UI alike: guarded, reported, noted."""
