"""GraphQL over HTTP and WebSocket, for any schema: it knows nothing of Scrip."""
