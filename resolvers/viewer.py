"""viewer: the user or program that the token identifies."""

from schema.context import Info
from schema.types.viewer import Viewer


async def resolve(info: Info) -> Viewer:
    """Return the user or program that the request's token identifies."""
    return Viewer.of(info.context)
