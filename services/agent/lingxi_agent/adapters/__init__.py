"""What agent touches."""
