"""Lingxi with Docker Compose: its secrets, and the commands of the Makefile."""
