"""The ledger: a business's debts to its customers, and the only code that may move them."""
