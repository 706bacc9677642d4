"""`python -m app.cli`, if the command `scrip` is not installed."""

from app.cli import main

main()
