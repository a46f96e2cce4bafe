"""Yesterday's release beside today's: what was written, asked and answered then still fits."""
