"""What is true of writing first; pure."""
