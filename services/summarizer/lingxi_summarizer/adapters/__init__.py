"""What summarizer touches."""
