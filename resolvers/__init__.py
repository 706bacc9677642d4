"""One file an operation: authorise, build the command, call, wrap. What it takes is declared in schema/root.py."""
