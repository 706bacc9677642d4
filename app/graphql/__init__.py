"""GraphQL over HTTP: https://graphql.github.io/graphql-over-http/draft/."""

from app.graphql.requests import DEFAULT_MAX_BODY_BYTES
from app.graphql.view import DEFAULT_EXECUTION_TIMEOUT, GraphQLView

__all__ = ["DEFAULT_EXECUTION_TIMEOUT", "DEFAULT_MAX_BODY_BYTES", "GraphQLView"]
