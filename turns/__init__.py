"""The event loop's time, shared: long work in steps, a slice of it a round, and nobody stands still meanwhile."""
