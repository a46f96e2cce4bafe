"""Who calls scheduler."""
