"""The same server with one part left out, to see what that part costs: each module's `apply()` takes it out."""
