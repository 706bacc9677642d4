"""Background work: one file per job, and `jobs.worker`, which runs them."""
