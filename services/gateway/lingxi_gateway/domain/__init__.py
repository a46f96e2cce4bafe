"""What is true of accounts."""
