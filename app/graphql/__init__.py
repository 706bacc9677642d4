"""GraphQL over HTTP: https://graphql.github.io/graphql-over-http/draft/."""

from app.graphql.requests import DEFAULT_MAX_BODY_BYTES
from app.graphql.view import GraphQLView

__all__ = ["DEFAULT_MAX_BODY_BYTES", "GraphQLView"]
