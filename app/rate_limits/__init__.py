"""Limits on how much a holder of tokens may ask for in a while, and the counters behind them."""
