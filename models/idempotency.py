"""Idempotency keys: whose they are, claiming and freeing them, and which are never pruned (domain: idempotency).

A key belongs to a client: partners' clients have a name space each, people share one. A key of the time before there
were name spaces, of which nobody can tell whose it is, lies among people's and answers to everybody (`shared`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from models.commands import Actor
from models.lookups import each
from models.planning.bulk_rows import KEYS
from models.session import TenantConnection

PEOPLE: Final = ""
"""The name space that all people share. No client is called so."""
KEPT_OPERATIONS: Final = frozenset({"bulkCredit", "importCredits"})

Place = tuple[str, str]
"""A key and the client whose it is."""


_CLAIM: Final = """INSERT INTO idempotency_keys
        (tenant_id, key, client, shared, kept, operation, input_hash, result_id, created_at)
    SELECT $1, k.key, k.client, false, k.kept, k.operation, k.input_hash, k.result_id,
        coalesce($8::timestamptz, clock_timestamp())
    FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::bytea[], $7::uuid[])
        WITH ORDINALITY AS k(key, client, kept, operation, input_hash, result_id, nth)
    ORDER BY k.nth ON CONFLICT DO NOTHING RETURNING key, client"""
# By the primary key, whatever the planner knows: of a look-up with a limit no other join can be made.
_CLAIM_UNSHARED: Final = _CLAIM.replace("    ORDER BY", """    LEFT JOIN LATERAL (
        SELECT o.shared FROM idempotency_keys o
        WHERE o.tenant_id = $1 AND o.key = k.key AND o.client = '' AND o.shared LIMIT 1
    ) AS o ON true
    WHERE o.shared IS NULL ORDER BY""")  # fmt: skip
"""For partners: a key that answers to everybody, and lies among people's, cannot be claimed."""
_PLACES: Final = f"{each('key text', 'client text')} AS p"
"""Keys with their clients."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a key was used for: the id is that of what it made. kept: to be claimed so that it is never pruned."""

    operation: str
    input_hash: bytes
    result_id: UUID
    kept: bool = False

    def is_of(self, operation: str, hashes: Collection[bytes | None]) -> bool:
        """Whether it was this operation with this input, whichever of its hashes it was kept with."""
        return self.operation == operation and self.input_hash in hashes


Uses = Mapping[Place, Use]


def client_of(actor: Actor) -> str:
    """In whose name space an actor's keys are: that of a partner's client (of its subject, where it names none)."""
    return actor.holder if actor.role == "PARTNER" else PEOPLE


def is_kept(key: str, operation: str, actor: Actor) -> bool:
    """Whether it is never pruned: what came in with a bulk or a file is never taken in twice.

    By nothing that a client could choose: how bulks' own keys begin is refused of everybody else.
    """
    return operation in KEPT_OPERATIONS or key.startswith(KEYS) or actor.keeps_keys


async def claim(connection: TenantConnection, wanted: Uses, at: datetime | None) -> tuple[dict[Place, Use], Uses]:
    """Claim keys, in the one order. Answers those claimed now, and those that were used before with what for.

    A key may be in neither: whoever had it has just given it up, and it has to be asked for again. at: the instant, or
    None for the database's. Waits for those who are claiming, freeing or pruning one of these keys.
    """
    places = sorted(wanted)
    uses = [wanted[place] for place in places]
    clients = [client for _, client in places]
    rows = await connection.raw.fetch(
        _CLAIM if all(client == PEOPLE for client in clients) else _CLAIM_UNSHARED,
        connection.tenant_id, [key for key, _ in places], clients,
        [use.kept for use in uses], [use.operation for use in uses], [use.input_hash for use in uses],
        [use.result_id for use in uses], at,
    )  # fmt: skip
    claimed = {place: wanted[place] for place in [(row["key"], row["client"]) for row in rows]}
    if len(claimed) == len(wanted):
        return claimed, {}
    return claimed, await _used(connection, [place for place in places if place not in claimed])


async def _used(connection: TenantConnection, places: Collection[Place]) -> Uses:
    rows = await connection.raw.fetch(
        f"""SELECT k.key, k.client, k.shared, k.operation, k.input_hash, k.result_id FROM {_PLACES} CROSS JOIN LATERAL (
            SELECT * FROM idempotency_keys WHERE tenant_id = $1 AND key = p.key ORDER BY key, client OFFSET 0
        ) AS k WHERE k.client = p.client OR k.shared""",
        connection.tenant_id, [key for key, _ in places], [client for _, client in places],
    )  # fmt: skip
    found = {(row["key"], row["client"]): row for row in rows}
    everybody = {row["key"]: row for row in rows if row["shared"]}
    used = {place: found.get(place) or everybody.get(place[0]) for place in places}
    return {
        place: Use(row["operation"], row["input_hash"], row["result_id"])
        for place, row in used.items()
        if row is not None
    }


async def free(connection: TenantConnection, claimed: Collection[Place]) -> None:
    """Give up keys that this transaction has claimed."""
    if claimed:
        await connection.raw.execute(
            f"""DELETE FROM idempotency_keys k USING {_PLACES}
            WHERE k.tenant_id = $1 AND k.key = p.key AND k.client = p.client""",
            connection.tenant_id, [key for key, _ in claimed], [client for _, client in claimed],
        )  # fmt: skip
