"""What is asked of the model, and what of its answers is believed. Pure."""
