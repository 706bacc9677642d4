"""Sharing of the event loop: long work runs in slices, one per round, so that other requests never stall."""
