"""What scheduler keeps and shows: one table a file."""
