"""Tokens where they meet the outside: keys from the settings, partners' rows, refusals."""
