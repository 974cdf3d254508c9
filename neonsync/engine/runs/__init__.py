"""What the branch itself records of runs: the lease, their work, and what they have left."""
