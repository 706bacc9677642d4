"""The composition root: it puts the other packages together, and alone reads the environment."""
