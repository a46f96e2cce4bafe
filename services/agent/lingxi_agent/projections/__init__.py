"""What agent shows: one read model a file."""
