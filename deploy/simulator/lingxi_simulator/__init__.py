"""A small OpenAI-compatible model that costs nothing, for trying Lingxi out and for its tests."""
