"""The sample that `scrip run` sets up, and its pages. Nothing else needs it."""
