"""Reads of the ledger: plain SQL into frozen views, always with the tenant in the query, paged by key."""
