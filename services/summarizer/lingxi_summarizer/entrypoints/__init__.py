"""Who calls summarizer."""
