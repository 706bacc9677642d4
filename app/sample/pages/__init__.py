"""The page at `/`: what is running and, for the sample alone, its figures, its tokens and operations to try."""
