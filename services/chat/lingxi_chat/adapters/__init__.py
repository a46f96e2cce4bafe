"""What chat touches."""
