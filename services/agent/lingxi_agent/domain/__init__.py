"""What is true of agents; pure."""
