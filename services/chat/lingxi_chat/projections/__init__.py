"""What chat shows: one read model a file, table and fold and queries."""
