"""What agent does: one verb a file."""
