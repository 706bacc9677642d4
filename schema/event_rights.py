"""The rights that kinds of events take beside the one to the feed."""

from collections.abc import Collection, Iterable
from typing import Final

from auth.roles import Permission
from models.event_kinds import EventKind

APPROVALS: Final = frozenset(kind for kind in EventKind if kind.startswith("APPROVAL_"))
CONFIGURATION: Final = frozenset(
    {EventKind.LIMIT_CHANGED, EventKind.REASON_CHANGED, EventKind.TOKEN_CHANGED, EventKind.SETTINGS_CHANGED}
)
NARROWER: Final = {
    **dict.fromkeys(APPROVALS, Permission.APPROVE),
    **dict.fromkeys(CONFIGURATION, Permission.READ_CONFIG),
    EventKind.BULK_FINISHED: Permission.BULK,
}
"""Kinds that take another right beside the one to the feed."""


def rights_for(kinds: Iterable[EventKind]) -> tuple[Permission, ...]:
    """Return the rights that these kinds take beside the one to the feed, each once."""
    return tuple(dict.fromkeys(NARROWER[kind] for kind in kinds if kind in NARROWER))


def kinds_with(rights: Collection[str]) -> frozenset[EventKind]:
    """Return the kinds that somebody with these rights, by their names, may read."""
    return frozenset(kind for kind in EventKind if kind not in NARROWER or NARROWER[kind].name in rights)
