"""Authentication and rights: tokens in, principals out. Knows nothing of ledgers, GraphQL or settings."""
