"""Background work: a file for each job, and `jobs.worker`, which runs them in turn."""
