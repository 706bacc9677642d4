"""Measurements of speed: `make bench`. Not installed, and not tests: nothing here fails for being slow."""
