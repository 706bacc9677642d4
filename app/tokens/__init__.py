"""Tokens at the edge: keys from the settings, partners' rows, refusals."""
