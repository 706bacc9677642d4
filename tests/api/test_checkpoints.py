"""checkpoints and receipt: over the API, to those who may read the entry."""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from models.checkpoints import Notary, head_leaf, of_note
from models.commands import MergeCustomers
from models.merkle import root_by_path
from models.operations.keep_feed import keep_feed
from models.operations.make_checkpoint import make_checkpoint
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.reads import receipts
from models.signed_notes import Keys, new_key, signed_text
from models.texts import Texts
from tests.api.conftest import Answer, Api, gid
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, Tenant

KEY: Final = new_key("books.example", bytes(range(32)))
NOTARY: Final = Notary(Keys((KEY,), (KEY.public,)), timedelta(0), None)
RECEIPT: Final = """query($id: ID!) { receipt(entryId: $id) { state entry links index path
  checkpoint { number until size root position note keys createdAt } } }"""
LIST: Final = """{ checkpoints(last: 10) { edges { node { number size root position note keys } } } }"""
MADE: Final = """{ events(types: [CHECKPOINT_MADE]) { edges { node { kind customerId
  ... on CheckpointMadeEvent { number until size root note } } } } }"""
Make = Callable[[], Awaitable[None]]


@pytest.fixture
def make(tenant: Tenant, clock: Clock) -> Make:
    """Make a checkpoint of all that there is."""

    async def made() -> None:
        clock.advance(timedelta(seconds=1))
        await keep_feed(tenant.ledger, tenant.id)
        assert await make_checkpoint(tenant.ledger, tenant.id, NOTARY, now=True)

    return made


async def entries(tenant: Tenant, customer: UUID) -> list[UUID]:
    rows = await tenant.rows(
        """SELECT e.id FROM entries e JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        WHERE e.tenant_id = $1 AND a.customer_id = $2 ORDER BY e.sequence""",
        customer,
    )
    return [row[0] for row in rows]


async def receipt(api: Api, entry: UUID, **token: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api(RECEIPT, {"id": gid("LedgerEntry", entry)}, **token))["receipt"]
    return found


async def test_a_receipt_leads_from_the_entry_to_the_signed_root(api: Api, tenant: Tenant, make: Make) -> None:
    people = [await tenant.customer() for _ in range(70)]
    for person in people:
        await tenant.adjust(person, 3)
    carol = people[40]
    for amount in (-1, 5):
        await tenant.adjust(carol, amount)
    await make()
    found = await receipt(api, (await entries(tenant, carol))[0], role=Role.STAFF)
    assert found["state"] == "READY"
    chain = [base64.b64decode(each) for each in (found["entry"], *found["links"])]
    assert len(chain) == 3
    hashes = [sha256(each).digest() for each in chain]
    assert [each[15:47] for each in chain[1:]] == hashes[:-1]
    kept = of_note(found["checkpoint"]["note"])
    assert signed_text(found["checkpoint"]["note"], [KEY.public]) == kept.text
    assert (found["checkpoint"]["size"], found["checkpoint"]["root"]) == (70, kept.root.hex())
    head = head_leaf(tenant.id, UUID(bytes=chain[-1][79:95]), 3, hashes[-1])
    path = [bytes.fromhex(each) for each in found["path"]]
    assert root_by_path(head, found["index"], 70, path) == kept.root


async def test_there_is_none_until_the_next_checkpoint(
    api: Api, tenant: Tenant, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, 5)
    (first,) = await entries(tenant, carol)
    assert await receipt(api, first) == {
        "state": "PENDING",
        **dict.fromkeys(("entry", "links", "index", "path", "checkpoint")),
    }
    await make()
    assert (await receipt(api, first))["state"] == "READY"
    for _ in range(3):
        await tenant.adjust(carol, 1)
    later = await entries(tenant, carol)
    ready = await receipt(api, first)
    assert (ready["state"], ready["links"]) == ("READY", [])
    assert (await receipt(api, later[-1]))["state"] == "PENDING"
    await make()
    monkeypatch.setattr(receipts, "MAX_LINKS", 2)
    assert [(await receipt(api, entry))["state"] for entry in later] == ["TOO_FAR", "READY", "READY", "READY"]


async def test_customers_get_those_of_their_own(api: Api, tenant: Tenant, make: Make) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.adjust(carol, 5)
    await tenant.adjust(dave, 5)
    await make()
    (own,), (others,) = await entries(tenant, carol), await entries(tenant, dave)
    token: dict[str, Any] = {"role": Role.CUSTOMER, "customer": "carol"}
    assert (await receipt(api, own, **token))["state"] == "READY"
    assert await receipt(api, others, **token) is None
    denied: Answer = await api(LIST, role=Role.CUSTOMER, customer="carol")
    assert denied.errors
    by_partner: dict[str, Any] = {"role": Role.PARTNER, "scopes": (Scope.CUSTOMERS_READ,)}
    refused: Answer = await api(RECEIPT, {"id": gid("LedgerEntry", own)}, **by_partner)
    assert refused.errors[0]["extensions"]["missing"] == ["ledger:read"]


async def test_a_merge_takes_receipts_along(api: Api, tenant: Tenant, make: Make) -> None:
    """An entry stays on the account that it is of. Who is one person since gets both records' receipts, and nobody else."""
    carol, caro, dave = [await tenant.customer(name) for name in ("carol", "caro", "dave")]
    for person in (carol, caro, dave):
        await tenant.adjust(person, 5)
    await make()
    (old,) = await entries(tenant, caro)
    before = await receipt(api, old)
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(caro, carol), tenant.key())
    await make()
    for name in ("carol", "caro"):
        found = await receipt(api, old, role=Role.CUSTOMER, customer=name)
        assert (found["state"], found["entry"]) == ("READY", before["entry"])
        assert found["links"]  # what was left went to the survivor
        checked(tenant, found)
    assert await receipt(api, old, role=Role.CUSTOMER, customer="dave") is None


async def test_an_erasure_leaves_receipts_as_they_are(api: Api, tenant: Tenant, make: Make) -> None:
    """The hash covers a digest of the texts, not the texts."""
    carol = await tenant.customer("carol", "Carol Customer")
    await tenant.adjust(carol, 5, texts=Texts("Order of Carol's"))
    await make()
    (entry,) = await entries(tenant, carol)
    before = await receipt(api, entry)
    await erase_customer(tenant.ledger, tenant.id, ADMIN, carol)
    assert await receipt(api, entry) == before
    await make()
    after = await receipt(api, entry)
    assert after["entry"] == before["entry"]
    for found in (before, after):
        checked(tenant, found)
    assert b"Carol" not in base64.b64decode(after["entry"])
    refused: Answer = await api(RECEIPT, {"id": gid("LedgerEntry", entry)}, role=Role.CUSTOMER, customer="carol")
    assert refused.errors or refused["receipt"] is None


def checked(tenant: Tenant, found: dict[str, Any]) -> None:
    """The receipt leads from the entry's bytes to the root that is signed."""
    chain = [base64.b64decode(each) for each in (found["entry"], *found["links"])]
    hashes = [sha256(each).digest() for each in chain]
    assert [each[15:47] for each in chain[1:]] == hashes[:-1]
    kept = of_note(found["checkpoint"]["note"])
    assert signed_text(found["checkpoint"]["note"], [KEY.public]) == kept.text
    sequence = int.from_bytes(chain[-1][127:135])
    head = head_leaf(tenant.id, UUID(bytes=chain[-1][79:95]), sequence, hashes[-1])
    path = [bytes.fromhex(each) for each in found["path"]]
    assert root_by_path(head, found["index"], kept.size, path) == kept.root


async def test_checkpoints_are_listed_and_told(api: Api, tenant: Tenant, make: Make, clock: Clock) -> None:
    carol = await tenant.customer("carol")
    for _ in range(2):
        await tenant.adjust(carol, 5)
        await make()
    listed = [edge["node"] for edge in (await api(LIST, role=Role.STAFF))["checkpoints"]["edges"]]
    assert [(node["number"], node["size"], node["keys"]) for node in listed] == [
        (1, 1, [KEY.public.written()]),
        (2, 1, [KEY.public.written()]),
    ]
    assert of_note(listed[1]["note"]).previous == of_note(listed[0]["note"]).digest
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    told = [edge["node"] for edge in (await api(MADE, role=Role.STAFF))["events"]["edges"]]
    names = ("number", "size", "root", "note")
    assert [[node[name] for name in names] for node in told] == [[node[name] for name in names] for node in listed]
