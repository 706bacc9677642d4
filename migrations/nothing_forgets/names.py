"""Names, and since when an external id is its holder's."""

NAMES = r"""
"""
