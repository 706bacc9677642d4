"""The ledger's operations: one file each, a frozen command in, a frozen outcome out."""
