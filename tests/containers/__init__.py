"""Lingxi in containers, tried on a real Docker engine: `make containers`.

Not collected by pytest: it takes minutes, and an engine. Each part ends with figures, or with what
is wrong and exit 1.
"""
