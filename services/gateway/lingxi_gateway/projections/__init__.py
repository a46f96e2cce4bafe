"""What the gateway stores and shows, one table a file."""
