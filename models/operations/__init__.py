"""What can be done with the ledger: one file an operation, a frozen command in, a frozen outcome out."""
