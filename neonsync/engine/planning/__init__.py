"""What a run is about: tables, columns, states, days, and the branch that it writes to."""
