"""Currencies kept with the books, and digests of what rows promise."""

BOOKS = r"""
"""
