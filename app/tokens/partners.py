"""Checks the tokens of partners' clients against the database, as often as revocation needs and no more.

The result of a look at a token's row is good for a second, counted from before the look began: a request that arrives
later than that after a revocation was committed is refused, in every process. Requests that come meanwhile share one
look. Only rows that exist are remembered, so that guessing fills no memory; a guess costs a query at most, and none if
its form is wrong. Of a token nothing is remembered but the digest of its secret.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from auth.errors import TokenError, TokensUnavailable
from auth.partner_tokens import parse
from auth.principal import Principal
from auth.roles import Role, scopes_of
from models.commands import Actor
from models.errors import DatabaseAway
from models.ledger import Ledger
from models.operations.partner_tokens import note_refusal, note_use
from models.reads.partner_tokens import StoredToken, stored_token
from models.throttle import Throttle

REMEMBERED_SECONDS: Final = 1.0
MAX_REMEMBERED: Final = 4_096
MAX_LOOKS_AT_ONCE: Final = 4
"""At tokens that have been seen before."""
MAX_FIRST_LOOKS_AT_ONCE: Final = 2
"""At others: guesses take neither the connections nor the turns of holders of a token."""
LOOK_TIMEOUT_SECONDS: Final = 5.0
MAX_NOTES_AT_ONCE: Final = 64
NOTED_EVERY: Final = timedelta(minutes=1)
NEVER: Final = datetime.max.replace(tzinfo=UTC)

_UNREACHABLE: Final = (DatabaseAway, OSError)

logger = logging.getLogger(__name__)

Key = tuple[UUID, UUID]
"""Tenant and token."""


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    token: StoredToken
    principal: Principal


@dataclass(frozen=True, slots=True)
class _Look:
    began: float
    task: "asyncio.Task[_Known | None]"


class PartnerTokenVerifier:
    """The process's. `clock` gives seconds that only ever rise; instants are the ledger's."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = monotonic) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[Key, _Known] = {}
        self._looks: dict[Key, _Look] = {}
        self._turns = asyncio.Semaphore(MAX_LOOKS_AT_ONCE)
        self._first_turns = asyncio.Semaphore(MAX_FIRST_LOOKS_AT_ONCE)
        self._notes: set[asyncio.Task[None]] = set()
        self._uses = Throttle(1, NOTED_EVERY)
        self._refusals = Throttle(1, NOTED_EVERY)
        self._failures = Throttle(1, NOTED_EVERY)

    async def principal(self, token: str, *, address: str | None, request_id: str | None) -> Principal:
        """The token's principal, now. Raises TokenError; TokensUnavailable if the database is out of reach."""
        secret = parse(token)
        known = await self._find((secret.tenant_id, secret.token_id))
        if known is None or not secret.fits(known.token.secret_hash):
            raise TokenError("the token is not known here")
        now = self._ledger.clock()
        if known.token.revoked_at is not None:
            self._refused(known.token, "revoked", now, address, request_id)
            raise TokenError("the token has been revoked")
        if known.principal.expires_at <= now:
            self._refused(known.token, "expired", now, address, request_id)
            raise TokenError("the token has expired")
        self._used(known.token, now, address)
        return known.principal

    async def settle(self) -> None:
        """Wait for records being written. Called before the database is closed."""
        while self._notes:
            await asyncio.gather(*self._notes)

    async def _find(self, key: Key) -> _Known | None:
        now = self._clock()
        known = self._known.get(key)
        if known is not None and now < known.until:
            return known
        look = self._looks.get(key)
        # One that began longer ago may have seen the row as it was before a revocation that this request comes after.
        if look is None or now - look.began >= REMEMBERED_SECONDS:
            look = self._looks[key] = _Look(now, asyncio.create_task(self._look(key, now)))
            look.task.add_done_callback(lambda _: self._looked(key, look))
        try:
            # A client that goes away takes no look from the others.
            return await asyncio.shield(look.task)
        except _UNREACHABLE as error:
            raise TokensUnavailable("the token cannot be checked now; send the request again") from error

    async def _look(self, key: Key, began: float) -> _Known | None:
        turns = self._turns if key in self._known else self._first_turns
        async with asyncio.timeout(LOOK_TIMEOUT_SECONDS), turns:
            token = await stored_token(*key)
        if token is None:
            return None
        known = _Known(began + REMEMBERED_SECONDS, token, _principal(token))
        self._known.pop(key, None)
        if len(self._known) >= MAX_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = known
        return known

    def _looked(self, key: Key, look: _Look) -> None:
        if self._looks.get(key) is look:
            del self._looks[key]
        failure = None if look.task.cancelled() else look.task.exception()
        if failure is None or isinstance(failure, DatabaseAway):  # then the log says so already
            return
        if self._failures.take("", 1, self._ledger.clock())[0]:
            # Where nothing came in time there is nothing to see in a traceback.
            logger.warning(
                "partner tokens cannot be checked", exc_info=None if isinstance(failure, OSError) else failure
            )

    def _used(self, token: StoredToken, now: datetime, address: str | None) -> None:
        if self._uses.take(token.id, 1, now)[0]:
            self._write_down(lambda: note_use(token.tenant_id, token.id, now, address))

    def _refused(
        self, token: StoredToken, why: str, now: datetime, address: str | None, request_id: str | None
    ) -> None:
        granted, left_out = self._refusals.take(token.id, 1, now)
        if granted:
            client = Actor(token.client, Role.PARTNER.name, token.client, token.name, request_id, address)
            self._write_down(lambda: note_refusal(self._ledger, token.tenant_id, client, token.id, why, left_out))

    def _write_down(self, note: Callable[[], Awaitable[None]]) -> None:
        """Write the record in the background: no request waits for it, and none fails with it."""
        if len(self._notes) < MAX_NOTES_AT_ONCE:
            task = asyncio.create_task(self._written(note))
            self._notes.add(task)
            task.add_done_callback(self._notes.discard)

    async def _written(self, note: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
                await note()
        except DatabaseAway:
            return  # the log says so already; the next use is written down
        except OSError:
            logger.warning("the use of a partner token could not be recorded", exc_info=True)


def _principal(token: StoredToken) -> Principal:
    """The token's principal. A scope that partners no longer use is left out."""
    return Principal(
        tenant=str(token.tenant_id),
        subject=token.client,
        role=Role.PARTNER,
        scopes=frozenset(scope for scope in scopes_of(Role.PARTNER) if scope.value in token.scopes),
        name=token.name,
        client_id=token.client,
        customer=None,
        token_id=str(token.id),
        expires_at=token.expires_at or NEVER,
    )
