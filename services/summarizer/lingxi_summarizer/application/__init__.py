"""What summarizer does: one verb a file."""
