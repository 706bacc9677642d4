"""Real data in: files that others have written, read with suspicion, and posted through the API's own operations."""
