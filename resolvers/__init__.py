"""One file for each operation: authorise, build the command, call, wrap. The rights it takes are declared in
schema/root.py."""
