"""The same server with one part left out, to see the cost of that part: each module's `apply()` takes it out."""
