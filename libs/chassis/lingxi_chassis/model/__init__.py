"""The model client: one OpenAI-compatible URL, streamed answers, one exception class a failure.

Nothing is imported here: `client` alone needs the openai SDK (about a second and 80 MB), while
`errors`, `messages` and `tokens` are plain and may be imported by pure code.
"""
