"""Decides when an agent writes first."""
