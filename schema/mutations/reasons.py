"""createReason and updateReason."""

import strawberry

from models.configuration_commands import CreateReason, UpdateReason
from schema import texts
from schema.types.configuration import AdjustmentReason
from schema.types.enums import Direction
from schema.types.errors import UserError


@strawberry.input
class CreateReasonInput:
    code: str = strawberry.field(description="Capitals, digits and underscores. It never changes.")
    label: str
    directions: list[Direction] = strawberry.field(description="What it serves to do: add, remove, or both.")
    moves_lifetime: bool | None = strawberry.field(
        default=True, description="Whether it moves the lifetime total as well as the balance."
    )
    note_required: bool | None = False

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


@strawberry.input(description="What is left out or null stays as it is.")
class UpdateReasonInput:
    code: str = strawberry.field(description="Which: the code itself never changes.")
    label: str | None = None
    directions: list[Direction] | None = None
    moves_lifetime: bool | None = strawberry.field(default=None, description="For adjustments from now on.")
    note_required: bool | None = strawberry.field(default=None, description="OTHER always needs one.")
    active: bool | None = strawberry.field(default=None, description="false retires it: nothing new can name it.")

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
class CreateReasonPayload:
    reason: AdjustmentReason | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateReasonPayload:
    reason: AdjustmentReason | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)
