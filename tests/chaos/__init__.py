"""Lingxi under faults: users with journals, a seeded plan of faults, and a checker.

`python -m tests.chaos --seeds 7 --seconds 60` runs one seed; a failure prints what broke with it.
"""
