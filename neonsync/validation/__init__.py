"""Whether what is published is right: checks of a table of the branch. Knows no Athena client."""
