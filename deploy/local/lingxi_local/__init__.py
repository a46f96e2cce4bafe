"""Lingxi on one machine with one command: embedded servers, services and their supervision."""
