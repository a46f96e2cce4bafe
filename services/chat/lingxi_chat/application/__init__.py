"""What chat does: one verb a file."""
