"""Tenants as commands name them: found by short name or id, or refused with the names that are near."""

import difflib
import re
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.problems import SetupProblem
from models.reads.verify import TenantName, every_tenant
from models.session import written_id

MAX_NEAR: Final = 5
_LIKENESS: Final = 0.5
_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def check_slug(slug: str) -> None:
    """Raises SetupProblem for what cannot be a short name."""
    if not _SLUG.fullmatch(slug) or written_id(slug) is not None:
        raise SetupProblem(
            f"{slug[:80]!r} cannot be a short name: use small letters, digits and hyphens, and not the form of an id."
        )


def check_time_zone(time_zone: str) -> None:
    """Raises SetupProblem for what is no time zone."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SetupProblem(f"There is no time zone {time_zone!r}; they are named as in Europe/London.") from error


async def tenant_named(name: str, *, hint: str = "") -> TenantName:
    """The tenant of this short name or id. Raises SetupProblem, with names that are near and a hint, if there is none."""
    tenants = await every_tenant()
    for tenant in tenants:
        if name in (tenant.slug, str(tenant.id)):
            return tenant
    raise SetupProblem(unknown(name, [tenant.slug for tenant in tenants]) + hint)


async def tenant_at_work(name: str, *, hint: str = "") -> TenantName:
    """The same, for what a suspended tenant does not get. Raises SetupProblem, also if it is suspended."""
    tenant = await tenant_named(name, hint=hint)
    if tenant.suspended:
        raise SetupProblem(
            f"The tenant {tenant.slug} is suspended. Let it in again first: scrip tenant resume {tenant.slug}"
        )
    return tenant


def unknown(name: str, slugs: Sequence[str]) -> str:
    """The message that there is no such tenant, with what may have been meant."""
    told = f"There is no tenant {name[:80]!r}."
    if not slugs:
        return f"{told} There is none at all yet: make one with scrip tenant create."
    near = slugs if len(slugs) <= MAX_NEAR else difflib.get_close_matches(name[:80], slugs, MAX_NEAR, _LIKENESS)
    if not near:
        return f"{told} None of the {len(slugs):,} has a name like it: scrip tenant list shows them."
    return f"{told} There {'is' if len(near) == 1 else 'are'}: {', '.join(near)}."
