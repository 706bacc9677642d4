"""Up to which instant a tenant's lists are settled."""

SETTLING = r"""
"""
