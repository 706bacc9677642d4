"""viewer: the user or program that the token identifies."""

from models.kinds import Role
from schema.context import Info
from schema.types.viewer import Tenant, Viewer


async def resolve(info: Info) -> Viewer:
    """Return the user or program that the request's token identifies."""
    context, who = info.context, info.context.principal
    return Viewer(
        subject=who.subject,
        name=who.name,
        role=Role(who.role.name),
        scopes=sorted(who.scopes),
        tenant=Tenant.of(context.tenant),
        actor=context.actor,
    )
