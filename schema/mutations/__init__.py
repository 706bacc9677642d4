"""Inputs and payloads, one file for each operation. An input knows the command that it says."""
