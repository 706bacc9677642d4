"""Who is asking, and what they may do: tokens in, principals out. Knows nothing of ledgers, GraphQL or settings."""
