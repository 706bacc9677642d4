"""The ledger: what a business owes its customers, and the only code that may move it."""
