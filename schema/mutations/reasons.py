"""createReason and updateReason."""

import strawberry

from models.configuration_commands import CreateReason, UpdateReason
from schema import texts
from schema.mutations.base import CreatingInput, CreatingPayload, Payload
from schema.types.configuration import AdjustmentReason
from schema.types.enums import Direction


@strawberry.input
class CreateReasonInput(CreatingInput):
    """An adjustment reason to add."""

    code: str
    """Unique code: 1 to 64 capitals, digits and underscores, starting with a capital. It can never be changed."""
    label: str
    """Text to show to people, such as "Goodwill gesture"."""
    directions: list[Direction]
    """Directions that it may be used for: adding, removing, or both."""
    moves_lifetime: bool | None = True
    """Whether adjustments under it change the lifetime total as well as the balance."""
    note_required: bool | None = False
    """Whether adjustments under it need a note."""

    def command(self) -> CreateReason:
        """Raises Invalid."""
        return CreateReason(
            code=texts.name(self.code, texts.MAX_REASON, "code"),
            label=texts.name(self.label, texts.MAX_NAME, "label"),
            adds=Direction.ADD in self.directions,
            removes=Direction.REMOVE in self.directions,
            moves_lifetime=self.moves_lifetime is not False,
            note_required=bool(self.note_required),
        )


@strawberry.input
class UpdateReasonInput:
    """Changes to an adjustment reason. Fields that are null or left out stay as they are."""

    code: str
    """Code of the reason to change."""
    label: str | None = None
    """New text to show to people. Null: unchanged."""
    directions: list[Direction] | None = None
    """Directions that it may be used for from now on. Null: unchanged."""
    moves_lifetime: bool | None = None
    """Whether adjustments under it change the lifetime total from now on. Null: unchanged."""
    note_required: bool | None = None
    """Whether adjustments under it need a note from now on. OTHER always needs one. Null: unchanged."""
    active: bool | None = None
    """Whether new adjustments can use it; false retires it. Null: unchanged."""

    def command(self) -> UpdateReason:
        """Raises Invalid."""
        directions = self.directions
        return UpdateReason(
            code=texts.code(self.code, texts.MAX_REASON, "code"),
            label=texts.optional_name(self.label, texts.MAX_NAME, "label"),
            adds=None if directions is None else Direction.ADD in directions,
            removes=None if directions is None else Direction.REMOVE in directions,
            moves_lifetime=self.moves_lifetime,
            note_required=self.note_required,
            active=self.active,
        )


@strawberry.type
class CreateReasonPayload(CreatingPayload):
    """Result of createReason."""

    reason: AdjustmentReason | None = None
    """Reason that was added."""


@strawberry.type
class UpdateReasonPayload(Payload):
    """Result of updateReason."""

    reason: AdjustmentReason | None = None
    """Reason after the change."""
