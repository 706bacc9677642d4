"""Imports of real data: files of others' making, read with suspicion, and posted through the API's own operations."""
