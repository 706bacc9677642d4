"""Inputs and payloads, one file for each operation. An input builds its command."""
