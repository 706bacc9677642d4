"""`python -m app.cli`, for where the command `scrip` is not installed."""

from app.cli import main

main()
