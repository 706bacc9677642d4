"""createWebhook, updateWebhook, rotateWebhookSecret, enableWebhook, disableWebhook, deleteWebhook, testWebhook and
replayWebhook."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import (
    CreateWebhook,
    FeedPlace,
    PingWebhook,
    ReplayWebhook,
    RotateWebhookSecret,
    UpdateWebhook,
    WebhookNamed,
)
from models.errors import Invalid
from models.event_kinds import EventKind
from models.reads.events import EVENTS
from models.reads.keys import BadPage
from models.webhooks import MAX_URL_CHARACTERS, WebhookKey
from schema import texts
from schema.context import Info
from schema.ids import global_id, input_id
from schema.mutations.base import Payload, loaded
from schema.types.base import resolved
from schema.types.webhooks import Webhook, WebhookDelivery

DAY_MINUTES: Final = 24 * 60


@strawberry.input
class CreateWebhookInput:
    """An endpoint to deliver the feed to."""

    url: str
    """URL to post events to: https, unless the operator allows http. Unique among the webhooks: a request repeated after
    a lost answer fails with DUPLICATE; rotate the secret of the one that the first request made."""
    types: list[EventKind] | None = None
    """Kinds of events to deliver. Your token has to be able to read them. Null: all that it can read, also those that come
    later."""
    description: str | None = None
    """Text to tell it apart, up to 255 characters."""
    after: str | None = None
    """Cursor of the feed to begin after. Null: begin with what happens from now on."""

    def command(self, webhook_id: UUID, key: WebhookKey, salt: bytes, rights: frozenset[str]) -> CreateWebhook:
        """Raises Invalid."""
        return CreateWebhook(
            webhook_id=webhook_id,
            url=texts.required(self.url, MAX_URL_CHARACTERS, "url"),
            secret_salt=salt,
            secret_key=key.fingerprint,
            rights=rights,
            description=texts.optional_name(self.description, texts.MAX_NAME, "description"),
            kinds=None if self.types is None else _kinds(self.types),
            after=None if self.after is None else _after(self.after),
        )


@strawberry.input
class UpdateWebhookInput:
    """Changes to a webhook. Fields that are null or left out stay as they are. From then on it is told what your token can
    read, and no more."""

    webhook_id: strawberry.ID
    """Webhook to change."""
    url: str | None = None
    """URL to post events to instead. Null: unchanged."""
    types: list[EventKind] | None = None
    """Kinds of events to deliver instead. Your token has to be able to read them. Null: unchanged; allTypes
    delivers all."""
    all_types: bool = False
    """Whether to deliver all kinds from now on."""
    description: str | None = None
    """Text to tell it apart, up to 255 characters; empty for none. Null: unchanged."""

    def command(self, rights: frozenset[str]) -> UpdateWebhook:
        """Raises NotFound, Invalid."""
        return UpdateWebhook(
            webhook_id=_webhook(self.webhook_id),
            rights=rights,
            url=None if self.url is None else texts.required(self.url, MAX_URL_CHARACTERS, "url"),
            description=self.description
            if self.description == ""
            else texts.optional_name(self.description, texts.MAX_NAME, "description"),
            kinds=None if self.types is None else _kinds(self.types),
            all_kinds=self.all_types,
        )


@strawberry.input
class RotateWebhookSecretInput:
    """A secret to replace with a new one."""

    webhook_id: strawberry.ID
    """Webhook whose secret to replace."""
    overlap_minutes: int = DAY_MINUTES
    """Minutes for which the old secret signs beside the new one, at most 10080 (a week); 0 if it is known to others."""

    def command(self, key: WebhookKey, salt: bytes) -> RotateWebhookSecret:
        """Raises NotFound."""
        return RotateWebhookSecret(
            webhook_id=_webhook(self.webhook_id),
            secret_salt=salt,
            secret_key=key.fingerprint,
            overlap_minutes=self.overlap_minutes,
        )


@strawberry.input
class EnableWebhookInput:
    """A webhook to deliver to again."""

    webhook_id: strawberry.ID
    """Webhook to enable, disabled or paused."""

    def command(self) -> WebhookNamed:
        """Raises NotFound."""
        return WebhookNamed(_webhook(self.webhook_id))


@strawberry.input
class DisableWebhookInput:
    """A webhook to stop."""

    webhook_id: strawberry.ID
    """Webhook to stop. What happens meanwhile is delivered once it is enabled, as far as it is kept."""

    def command(self) -> WebhookNamed:
        """Raises NotFound."""
        return WebhookNamed(_webhook(self.webhook_id))


@strawberry.input
class DeleteWebhookInput:
    """A webhook to delete."""

    webhook_id: strawberry.ID
    """Webhook to delete, with the record of its deliveries."""

    def command(self) -> WebhookNamed:
        """Raises NotFound."""
        return WebhookNamed(_webhook(self.webhook_id))


@strawberry.input
class TestWebhookInput:
    """A webhook to send a ping to."""

    webhook_id: strawberry.ID
    """Webhook to try; it may be disabled or paused."""

    def command(self, delivery_id: UUID) -> PingWebhook:
        """Raises NotFound."""
        return PingWebhook(_webhook(self.webhook_id), delivery_id)


@strawberry.input
class ReplayWebhookInput:
    """A place in the feed to deliver from."""

    webhook_id: strawberry.ID
    """Webhook to deliver to."""
    after: str | None = None
    """Cursor of the feed: what follows it is delivered, again or for the first time, and what waits is cancelled. Null:
    from the oldest event that is kept."""

    def command(self) -> ReplayWebhook:
        """Raises NotFound, Invalid."""
        return ReplayWebhook(_webhook(self.webhook_id), None if self.after is None else _after(self.after))


@strawberry.type
class WebhookPayload(Payload):
    """A webhook after a change."""

    webhook_id: strawberry.Private[UUID | None] = None

    @resolved(Webhook | None)
    def webhook(self, info: Info) -> Pending[Any]:
        """Webhook after the change."""
        return loaded(info, "Webhook", self.webhook_id)


@strawberry.type
class NewSecretPayload(WebhookPayload):
    """A webhook with its new secret."""

    secret: str | None = None
    """Secret that signs what is sent to it: whsec_…, as Standard Webhooks has it. Store it: it is never shown again."""


@strawberry.type
class CreateWebhookPayload(NewSecretPayload):
    """Result of createWebhook."""


@strawberry.type
class RotateWebhookSecretPayload(NewSecretPayload):
    """Result of rotateWebhookSecret."""


@strawberry.type
class UpdateWebhookPayload(WebhookPayload):
    """Result of updateWebhook."""


@strawberry.type
class EnableWebhookPayload(WebhookPayload):
    """Result of enableWebhook."""


@strawberry.type
class DisableWebhookPayload(WebhookPayload):
    """Result of disableWebhook."""


@strawberry.type
class ReplayWebhookPayload(WebhookPayload):
    """Result of replayWebhook."""


@strawberry.type
class DeleteWebhookPayload(Payload):
    """Result of deleteWebhook."""

    deleted: strawberry.Private[UUID | None] = None

    @resolved(strawberry.ID | None)
    def deleted_id(self) -> strawberry.ID | None:
        """Id that it had."""
        return None if self.deleted is None else global_id("Webhook", self.deleted)


@strawberry.type
class TestWebhookPayload(Payload):
    """Result of testWebhook."""

    delivery_id: strawberry.Private[UUID | None] = None

    @resolved(WebhookDelivery | None)
    def delivery(self, info: Info) -> Pending[Any]:
        """Delivery of the ping, as it is now; node(id:) tells how it went."""
        return loaded(info, "WebhookDelivery", self.delivery_id)


def _webhook(text: str) -> UUID:
    return input_id(text, "Webhook", "webhookId")


def _kinds(types: Iterable[EventKind]) -> frozenset[str]:
    kinds = frozenset(kind.value for kind in types)
    if not kinds:
        raise Invalid("Choose at least one kind of events.", field=("types",))
    return kinds


def _after(cursor: str) -> FeedPlace:
    try:
        key = EVENTS.mark(cursor).key
    except BadPage:
        raise Invalid("This is no cursor of events.", field=("after",)) from None
    (position,) = key.values
    assert isinstance(position, int)  # noqa: S101 - for the type checker
    return FeedPlace(position, key.recorded)
