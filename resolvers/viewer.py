"""viewer: who is asking."""

from schema.context import Info
from schema.types.enums import Role
from schema.types.viewer import Tenant, Viewer


async def resolve(info: Info) -> Viewer:
    context, who = info.context, info.context.principal
    return Viewer(
        subject=who.subject, role=Role(who.role.name), scopes=sorted(who.scopes), tenant=Tenant.of(context.tenant),
        actor=context.actor,
    )  # fmt: skip
