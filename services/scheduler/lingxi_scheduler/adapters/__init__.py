"""What scheduler touches: the owners it asks, and the model."""
