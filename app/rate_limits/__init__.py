"""How much a holder of tokens may ask for in a while, and where that is counted."""
