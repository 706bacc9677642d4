"""PostgreSQL as a whole: reached, migrated, and run by ourselves where none is named."""
