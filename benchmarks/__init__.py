"""How fast it is: `make bench`. Not part of what is installed, and not tests: nothing here fails for being slow."""
