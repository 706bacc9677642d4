"""PostgreSQL as a whole: reached, migrated, and run by ourselves if none is named."""
