"""What is true: the session, the reply's bubbles, the prompt."""
