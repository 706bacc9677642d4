"""Tokens for partners' clients: issued, rotated and revoked by admins; the records of their use.

This module only gets digests, never secrets. All changes queue for the tenant's row (`configuring`), so that concurrent
ones see each other. Issuing takes no idempotency key, since a secret is shown only once: if the response is lost, a
retry is refused for its name, and the token issued before is in the list, to be rotated or revoked.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import IssueToken, RevokeToken, RotateToken
from models.errors import Busy, Duplicate, ExpiryInPast, Invalid, LedgerError, NotFound
from models.ledger import Ledger
from models.names import checked_name
from models.operations.auditing import Doer, record_event
from models.operations.configuring import Configuring, configuring
from models.operations.limits import checked_limit, in_force, put_limits
from models.patience import patiently
from models.planning.config import LimitRuleValues
from models.session import tenant_transaction

MAX_GOOD_TOKENS: Final = 1_000
"""Maximum per tenant at a time."""
MAX_OVERLAP_MINUTES: Final = 7 * 24 * 60
MAX_TEXT_CHARACTERS: Final = 255
_GOOD: Final = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"


async def issue_token(ledger: Ledger, tenant_id: UUID, actor: Actor, command: IssueToken) -> None:
    """Issue the token, valid from now on. Raises Invalid, Duplicate, ExpiryInPast, and the errors of `set_limit`.

    If its limits may not be in force, it is revoked again: its secret was not returned.
    """
    if not command.client.strip() or len(command.client) > MAX_TEXT_CHARACTERS:
        raise Invalid(f"Enter between 1 and {MAX_TEXT_CHARACTERS} characters.", field=("client",))
    name = checked_name(command.name, MAX_TEXT_CHARACTERS, "name")
    if not command.scopes:
        raise Invalid("Choose at least one scope.", field=("scopes",))
    rules = _rules(command)
    await _issue(ledger, tenant_id, actor, command, name, rules)
    if rules:
        try:
            await in_force(tenant_id)
        except Busy:
            await revoke_token(ledger, tenant_id, actor, RevokeToken(command.token_id))
            raise


@patiently
async def _issue(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: IssueToken, name: str, rules: list[LimitRuleValues]
) -> None:
    async with configuring(ledger, tenant_id, actor) as change:
        now = await ledger.stamp(change.connection)
        if command.expires_at is not None and command.expires_at <= now:
            raise ExpiryInPast(message="The token would already have expired.")
        await _check_room(change, now)
        await _check_name_free(change, now, command.client, name)
        values = {
            "client": command.client,
            "name": name,
            "scope": " ".join(sorted(command.scopes)),
            "expires_at": command.expires_at,
        }
        await _insert(change, command.token_id, command.secret_hash, now, values)
        await change.record("token.issued", command.token_id, values)
        await put_limits(change, ledger, rules)


@patiently
async def rotate_token(ledger: Ledger, tenant_id: UUID, actor: Actor, command: RotateToken) -> None:
    """Give the client another secret, with the same name, scopes and expiry, and end the old one.

    Raises NotFound; Invalid for a token that is no longer valid or has been rotated, for too long an overlap, and for a
    token with more rights than the requester may grant: its new secret would give the requester those rights.
    """
    if not 0 <= command.overlap_minutes <= MAX_OVERLAP_MINUTES:
        raise Invalid(f"The overlap must be between 0 and {MAX_OVERLAP_MINUTES} minutes.", field=("overlapMinutes",))
    async with configuring(ledger, tenant_id, actor) as change:
        now = await ledger.stamp(change.connection)
        old = await _row(change, command.replaces_id)
        _check_good(old, now)
        successor = "SELECT id FROM partner_tokens WHERE tenant_id = $1 AND replaces_id = $2"
        if await change.fetchrow(successor, old["id"]) is not None:
            raise Invalid("The token was already rotated. Rotate the one that replaces it.", field=("tokenId",))
        beyond = sorted(set(old["scope"].split()) - command.grantable)
        if beyond:
            raise Invalid(f"Your own token lacks scopes that this one has: {', '.join(beyond)}.", field=("tokenId",))
        await _check_room(change, now)
        values = {name: old[name] for name in ("client", "name", "scope", "expires_at")} | {"replaces_id": old["id"]}
        await _insert(change, command.token_id, command.secret_hash, now, values)
        ends_at = now + timedelta(minutes=command.overlap_minutes)
        if command.overlap_minutes == 0:
            await _revoke(change, old["id"], now)
        elif old["expires_at"] is None or ends_at < old["expires_at"]:
            await change.connection.raw.execute(
                "UPDATE partner_tokens SET expires_at = $3 WHERE tenant_id = $1 AND id = $2",
                tenant_id,
                old["id"],
                ends_at,
            )
        await change.record("token.rotated", command.token_id, values | {"overlap_minutes": command.overlap_minutes})


@patiently
async def revoke_token(ledger: Ledger, tenant_id: UUID, actor: Actor, command: RevokeToken) -> None:
    """Revoke the token; a revoked one stays unchanged. Raises NotFound."""
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.token_id)
        if row["revoked_at"] is None:
            await _revoke(change, row["id"], await ledger.stamp(change.connection))
            await change.record("token.revoked", row["id"], {"client": row["client"], "name": row["name"]})


@patiently
async def note_use(tenant_id: UUID, token_id: UUID, at: datetime, address: str | None) -> None:
    """Record the token's use. Never sets the time back; does nothing while another transaction has locked the row."""
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute(
            """UPDATE partner_tokens SET last_used_at = $3, last_used_address = $4
            WHERE tenant_id = $1 AND id = (
                SELECT id FROM partner_tokens
                WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3)
                FOR NO KEY UPDATE SKIP LOCKED)""",
            tenant_id,
            token_id,
            at,
            address,
        )


@patiently
async def note_refusal(
    ledger: Ledger, tenant_id: UUID, client: Actor, token_id: UUID, why: str, unrecorded: int
) -> None:
    """Record that an invalid token was used: its secret is still in use.

    why: in one word. unrecorded: number of times since the last record.
    """
    doer = Doer(await ledger.actor_id(tenant_id, client), client)
    async with tenant_transaction(tenant_id) as connection:
        await ledger.stamp(connection, checked=False)
        details: dict[str, Any] = {"client": client.client, "name": client.name, "why": why}
        if unrecorded:
            details["unrecorded"] = unrecorded
        await record_event(connection, ledger, doer, "token.refused", token_id, details=details)


def _rules(command: IssueToken) -> list[LimitRuleValues]:
    rules: dict[str, LimitRuleValues] = {}
    for n, limit in enumerate(command.limits):
        try:
            rule = checked_limit(limit)
        except LedgerError as error:
            raise error.at("limits", str(n), *(error.field or ())) from None
        if rule.asset in rules:
            raise Duplicate("This asset has a limit already. List each asset once.", field=("limits", str(n), "asset"))
        rules[rule.asset] = rule
    return list(rules.values())


async def _row(change: Configuring, token_id: UUID) -> Any:
    row = await change.fetchrow(
        "SELECT * FROM partner_tokens WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE", token_id
    )
    if row is None:
        raise NotFound("There is no token with this id.", field=("tokenId",))
    return row


def _check_good(row: Any, now: datetime) -> None:
    if row["revoked_at"] is not None:
        raise Invalid("The token was revoked. Issue another one.", field=("tokenId",))
    if row["expires_at"] is not None and row["expires_at"] <= now:
        raise Invalid("The token has expired. Issue another one.", field=("tokenId",))


async def _check_room(change: Configuring, now: datetime) -> None:
    row = await change.fetchrow(f"SELECT count(*) FROM partner_tokens WHERE tenant_id = $1 AND {_GOOD}", now)
    if row[0] >= MAX_GOOD_TOKENS:
        raise Invalid(f"There are already {MAX_GOOD_TOKENS:,} tokens, which is the maximum. Revoke some first.")


async def _check_name_free(change: Configuring, now: datetime, client: str, name: str) -> None:
    """Raises Duplicate if the name is taken. Otherwise a retry, after a lost response, would leave an unknown valid
    token."""
    taken = await change.fetchrow(
        f"SELECT id FROM partner_tokens WHERE tenant_id = $1 AND {_GOOD} AND client = $3 AND name = $4",
        now,
        client,
        name,
    )
    if taken is not None:
        raise Duplicate(
            "The client already has a token with this name. To replace a lost secret, rotate it; or choose another name.",
            field=("name",),
        )


async def _insert(
    change: Configuring, token_id: UUID, secret_hash: bytes, now: datetime, values: dict[str, Any]
) -> None:
    await change.connection.raw.execute(
        """INSERT INTO partner_tokens
            (tenant_id, id, secret_hash, created_by_id, created_at, client, name, scope, expires_at, replaces_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        change.connection.tenant_id,
        token_id,
        secret_hash,
        change.doer_id,
        now,
        values["client"],
        values["name"],
        values["scope"],
        values["expires_at"],
        values.get("replaces_id"),
    )


async def _revoke(change: Configuring, token_id: UUID, now: datetime) -> None:
    await change.connection.raw.execute(
        "UPDATE partner_tokens SET revoked_at = $3, revoked_by_id = $4 WHERE tenant_id = $1 AND id = $2",
        change.connection.tenant_id,
        token_id,
        now,
        change.doer_id,
    )
