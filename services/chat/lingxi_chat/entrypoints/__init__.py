"""Who calls chat."""
