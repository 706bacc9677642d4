"""The event loop's time, shared: long work runs in slices, one a round, so that other requests never stand still."""
