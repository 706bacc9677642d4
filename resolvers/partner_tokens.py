"""partnerTokens, issueToken, rotateToken and revokeToken. The secret is made here, shown once, and stored nowhere."""

from auth.partner_tokens import PartnerSecret
from auth.roles import Permission
from models.errors import LedgerError
from models.operations.partner_tokens import issue_token, revoke_token, rotate_token
from models.reads import partner_tokens
from models.reads.paging import Condition
from schema import texts
from schema.context import Context, Info
from schema.mutations.partner_tokens import (
    IssueTokenInput,
    IssueTokenPayload,
    RevokeTokenInput,
    RevokeTokenPayload,
    RotateTokenInput,
    RotateTokenPayload,
)
from schema.types.base import Connection
from schema.types.errors import user_errors
from schema.types.pages import root_page
from schema.types.partner_tokens import PartnerToken


async def resolve_all(
    info: Info,
    client: str | None = None,
    active: bool | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
) -> Connection[PartnerToken] | None:
    """List the tokens issued to partners' clients, oldest first. Secrets are never shown.

    client: Client whose tokens to list. Null: all clients.
    active: Whether to list tokens that are accepted now (true) or not (false). Null: all.
    """
    context = info.context
    conditions: list[Condition] = []
    if client is not None:
        conditions.append(partner_tokens.of_client(texts.argument(client, texts.MAX_SUBJECT, "client")))
    if active is not None:
        conditions.append(partner_tokens.good_at(context.now, good=active))
    page = (first, after, last, before, reverse)
    return await root_page(info, partner_tokens.PARTNER_TOKENS, context.tenant.id, page, *conditions)


async def resolve_issue(info: Info, input: IssueTokenInput) -> IssueTokenPayload:  # noqa: A002 - the argument's name in the API
    """Issue a token to a partner's client. Its secret is shown once."""
    context = info.context
    made = _make(context)
    try:
        command = input.command(context.principal, made)
        await context.change(issue_token, command)
    except LedgerError as error:
        return IssueTokenPayload(user_errors=user_errors(error))
    return IssueTokenPayload(made=made)


async def resolve_rotate(info: Info, input: RotateTokenInput) -> RotateTokenPayload:  # noqa: A002 - as above
    """Replace a token with a new one of the same client, name, scopes and expiry, and a new secret."""
    context = info.context
    made = _make(context)
    try:
        command = input.command(context.principal, made)
        await context.change(rotate_token, command)
    except LedgerError as error:
        return RotateTokenPayload(user_errors=user_errors(error))
    return RotateTokenPayload(made=made)


async def resolve_revoke(info: Info, input: RevokeTokenInput) -> RevokeTokenPayload:  # noqa: A002 - as above
    """Revoke a token. Every process rejects it within two seconds."""
    try:
        command = input.command()
        await info.context.change(revoke_token, command)
    except LedgerError as error:
        return RevokeTokenPayload(user_errors=user_errors(error))
    return RevokeTokenPayload(token_id=command.token_id)


def rights_to_issue(_context: Context, input: IssueTokenInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.WRITE_TOKENS, Permission.WRITE_CONFIG) if input.limits else (Permission.WRITE_TOKENS,)


def _make(context: Context) -> PartnerSecret:
    source = context.ledger.source
    return PartnerSecret(context.tenant.id, source.new_id(), source.new_secret())
