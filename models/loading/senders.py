"""Rights that a bulk's sender still has when it is processed, long after the request."""

from collections.abc import Iterable

from models.commands import Actor
from models.lookups import each
from models.planning.state import Books
from models.session import TenantConnection


async def load_senders(connection: TenantConnection, books: Books, senders: Iterable[Actor]) -> None:
    """Load the scopes of each valid token that these partners' clients have now.

    The rights of a partner whose client has no token issued here, and of all other actors, are not known: the issuer of
    their tokens is responsible for them.
    """
    clients = sorted({sender.client for sender in senders if sender.role == "PARTNER" and sender.client})
    if not clients:
        return
    rows = await connection.raw.fetch(
        f"""SELECT p.client, p.scope, p.revoked_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > $3) AS good
        FROM {each("client text")} k JOIN partner_tokens p ON p.tenant_id = $1 AND p.client = k.client""",
        connection.tenant_id,
        clients,
        books.now,
    )
    for client in {row["client"] for row in rows}:
        good = (row["scope"].split() for row in rows if row["good"] and row["client"] == client)
        books.senders[client] = tuple(map(frozenset, good))
