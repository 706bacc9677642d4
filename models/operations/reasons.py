"""The tenant's own list of reasons (source 000): created, renamed, retired. None is ever deleted."""

import re
from typing import Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import CreateReason, UpdateReason
from models.errors import Invalid, NotFound
from models.ledger import Ledger
from models.names import checked_if_given, checked_name, clean_name
from models.operations.configuring import Created, configuring
from models.patience import patiently

MAX_REASONS: Final = 1_000
MAX_LABEL_CHARACTERS: Final = 200
OTHER: Final = "OTHER"
"""The reason whose text is its note (domain: adjusting): it always needs one."""
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)


@patiently
async def create_reason(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateReason, *, idempotency_key: str | None = None
) -> Created:
    """Create a reason, once for the key, if there is one. Raises Invalid, Duplicate, IdempotencyKeyReused, Busy."""
    code = clean_name(command.code)
    if not _CODE.fullmatch(code):
        raise Invalid(
            "A code has 1 to 64 capital letters, digits and underscores, and begins with a letter.", field=("code",)
        )
    label = checked_name(command.label, MAX_LABEL_CHARACTERS, "label")
    _check_directions(adds=command.adds, removes=command.removes)
    values = {
        "code": code,
        "label": label,
        "adds": command.adds,
        "removes": command.removes,
        "moves_lifetime": command.moves_lifetime,
        "note_required": command.note_required,
        "active": True,
    }
    reason_id = ledger.source.new_id()
    async with configuring(ledger, tenant_id, actor, taken="code") as change:
        if (made := await change.claim("createReason", command, reason_id, idempotency_key)) is not None:
            return Created(made, replayed=True)
        await change.check_room("reasons", MAX_REASONS)
        await change.insert("reasons", "reason.created", reason_id, values)
    return Created(reason_id)


@patiently
async def update_reason(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateReason) -> bool:
    """Change a reason, from the next adjustment on. False if nothing differs. Raises NotFound, Invalid."""
    code, label = clean_name(command.code), checked_if_given(command.label, MAX_LABEL_CHARACTERS, "label")
    if code == OTHER and command.note_required is False:
        raise Invalid("The reason OTHER always needs a note.", field=("noteRequired",))
    wanted = {
        "label": label,
        "adds": command.adds,
        "removes": command.removes,
        "moves_lifetime": command.moves_lifetime,
        "note_required": command.note_required,
        "active": command.active,
    }
    async with configuring(ledger, tenant_id, actor) as change:
        row = await change.fetchrow("SELECT * FROM reasons WHERE tenant_id = $1 AND code = $2", code)
        if row is None:
            raise NotFound("There is no such reason.", field=("code",))
        _check_directions(
            adds=row["adds"] if command.adds is None else command.adds,
            removes=row["removes"] if command.removes is None else command.removes,
        )
        return await change.update("reasons", "reason.updated", row, wanted)


def _check_directions(*, adds: bool, removes: bool) -> None:
    if not (adds or removes):
        raise Invalid("Choose at least one direction: add, remove, or both.", field=("directions",))
