"""The page at `/`: the running version and, for the sample alone, its figures, its tokens and operations to try."""
