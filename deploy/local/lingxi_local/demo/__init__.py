"""A companion's story, told against a running Lingxi: what `make demo` shows."""
