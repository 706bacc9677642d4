"""webhooks, webhookDeliveries, and the mutations of webhooks. Secrets are derived here, shown once, and stored nowhere."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from auth.roles import Permission
from models.commands import Actor
from models.errors import LedgerError
from models.event_kinds import DeliveryStatus
from models.ledger import Ledger
from models.operations import webhooks as operations
from models.reads import webhooks
from schema.context import Context, Info
from schema.event_rights import NARROWER, rights_for
from schema.ids import asked_id
from schema.mutations.webhooks import (
    CreateWebhookInput,
    CreateWebhookPayload,
    DeleteWebhookInput,
    DeleteWebhookPayload,
    DisableWebhookInput,
    DisableWebhookPayload,
    EnableWebhookInput,
    EnableWebhookPayload,
    ReplayWebhookInput,
    ReplayWebhookPayload,
    RotateWebhookSecretInput,
    RotateWebhookSecretPayload,
    TestWebhookInput,
    TestWebhookPayload,
    UpdateWebhookInput,
    UpdateWebhookPayload,
    WebhookPayload,
)
from schema.types.base import Connection
from schema.types.errors import user_errors
from schema.types.pages import root_page
from schema.types.webhooks import Webhook, WebhookDelivery

P = TypeVar("P", bound=WebhookPayload)


async def resolve_all(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
) -> Connection[Webhook] | None:
    """List the webhooks, oldest first. Secrets are never shown."""
    return await root_page(info, webhooks.WEBHOOKS, info.context.tenant.id, (first, after, last, before, reverse))


async def resolve_deliveries(
    info: Info,
    webhook_id: strawberry.ID,
    status: list[DeliveryStatus] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
) -> Connection[WebhookDelivery] | None:
    """List the deliveries to a webhook, oldest first, for as long as events are kept; with the answer to the last attempt
    of each.

    webhook_id: Webhook whose deliveries to list.
    status: States to list. Null: all.
    """
    found = asked_id(webhook_id, "Webhook", "webhookId")
    if found is None or await info.context.loaders.nodes("Webhook").load(found) is None:
        return None
    listing = webhooks.deliveries(None if status is None else frozenset(status))
    return await root_page(info, listing, found, (first, after, last, before, reverse))


async def resolve_create(info: Info, input: CreateWebhookInput) -> CreateWebhookPayload:  # noqa: A002 - the argument's name in the API
    """Deliver the feed to an endpoint of yours. Its secret is shown once."""
    context = info.context
    try:
        key, salt, webhook_id = _new(context)
        command = input.command(webhook_id, key, salt, _rights(context))
        await context.change(operations.create_webhook, command)
    except LedgerError as error:
        return CreateWebhookPayload(user_errors=user_errors(error))
    return CreateWebhookPayload(webhook_id=webhook_id, secret=key.secret(context.tenant.id, webhook_id, salt))


async def resolve_rotate(info: Info, input: RotateWebhookSecretInput) -> RotateWebhookSecretPayload:  # noqa: A002 - as above
    """Replace a webhook's secret with a new one, which is shown once. Meanwhile both sign."""
    context = info.context
    try:
        key, salt, _ = _new(context)
        command = input.command(key, salt)
        await context.change(operations.rotate_webhook_secret, command)
    except LedgerError as error:
        return RotateWebhookSecretPayload(user_errors=user_errors(error))
    secret = key.secret(context.tenant.id, command.webhook_id, salt)
    return RotateWebhookSecretPayload(webhook_id=command.webhook_id, secret=secret)


async def resolve_update(info: Info, input: UpdateWebhookInput) -> UpdateWebhookPayload:  # noqa: A002 - as above
    """Change where a webhook delivers, or what."""
    return await _changed(
        info, operations.update_webhook, lambda: input.command(_rights(info.context)), UpdateWebhookPayload
    )


async def resolve_enable(info: Info, input: EnableWebhookInput) -> EnableWebhookPayload:  # noqa: A002 - as above
    """Deliver to a webhook again, from where it was stopped. What had failed is tried at once."""
    return await _changed(info, operations.enable_webhook, input.command, EnableWebhookPayload)


async def resolve_disable(info: Info, input: DisableWebhookInput) -> DisableWebhookPayload:  # noqa: A002 - as above
    """Stop delivering to a webhook."""
    return await _changed(info, operations.disable_webhook, input.command, DisableWebhookPayload)


async def resolve_replay(info: Info, input: ReplayWebhookInput) -> ReplayWebhookPayload:  # noqa: A002 - as above
    """Deliver from a place in the feed on, again or for the first time. Each event keeps its `webhook-id`."""
    return await _changed(info, operations.replay_webhook, input.command, ReplayWebhookPayload)


async def resolve_delete(info: Info, input: DeleteWebhookInput) -> DeleteWebhookPayload:  # noqa: A002 - as above
    """Delete a webhook. Nothing more is sent to it."""
    try:
        command = input.command()
        await info.context.change(operations.delete_webhook, command)
    except LedgerError as error:
        return DeleteWebhookPayload(user_errors=user_errors(error))
    return DeleteWebhookPayload(deleted=command.webhook_id)


async def resolve_test(info: Info, input: TestWebhookInput) -> TestWebhookPayload:  # noqa: A002 - as above
    """Send a ping to a webhook, once. `scrip work` sends it within seconds."""
    context = info.context
    try:
        command = input.command(context.ledger.source.new_id())
        await context.change(operations.ping_webhook, command)
    except LedgerError as error:
        return TestWebhookPayload(user_errors=user_errors(error))
    return TestWebhookPayload(delivery_id=command.delivery_id)


def rights_to_create(_context: Context, input: CreateWebhookInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.WRITE_WEBHOOKS, Permission.READ_EVENTS, *rights_for(input.types or ()))


def rights_to_update(_context: Context, input: UpdateWebhookInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.WRITE_WEBHOOKS, Permission.READ_EVENTS, *rights_for(input.types or ()))


C = TypeVar("C")


async def _changed(
    info: Info,
    operation: Callable[[Ledger, UUID, Actor, C], Awaitable[None]],
    command: Callable[[], C],
    payload: Callable[..., P],
) -> P:
    try:
        asked: Any = command()
        await info.context.change(operation, asked)
    except LedgerError as error:
        return payload(user_errors=user_errors(error))
    return payload(webhook_id=asked.webhook_id)


def _rights(context: Context) -> frozenset[str]:
    """Names of the rights that the principal has, of those that some kinds take."""
    return frozenset(right.name for right in NARROWER.values() if context.may(right))


def _new(context: Context) -> Any:
    """A key to derive a secret from, a salt for it, and an id. Raises Invalid."""
    source = context.ledger.source
    return context.ledger.webhooks.newest(), source.new_salt(), source.new_id()
