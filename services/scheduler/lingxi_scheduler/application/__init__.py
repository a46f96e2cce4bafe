"""What scheduler does: one verb a file."""
