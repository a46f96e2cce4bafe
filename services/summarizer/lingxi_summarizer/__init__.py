"""Reads what is due, asks the model, and issues the owners' commands; stores nothing."""
