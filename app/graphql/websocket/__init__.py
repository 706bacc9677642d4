"""GraphQL over WebSocket: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md."""

from app.graphql.websocket.limits import SocketLimits
from app.graphql.websocket.view import SocketView

__all__ = ["SocketLimits", "SocketView"]
