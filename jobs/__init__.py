"""What has to be done without being asked: a file for each job, and `jobs.worker`, which does them in turn."""
