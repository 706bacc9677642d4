"""One of two processes that ask for the same things at the same time: `python -m tests.support.storm`, orders on stdin.

The first line is JSON: the database, the tenant, who is there, and a seed. It answers `ready`; a second line starts it.
Both processes make the same requests, keys included, from the same seed, and send them in an order of their own. The
last line is JSON: by key, what came of it, and the id of what was made.
"""

import asyncio
import json
import random
import sys
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from app.postgres.database import open_database
from models.commands import (
    Actor,
    AdjustCredit,
    BulkCredit,
    BulkItem,
    GiveReward,
    Outcome,
    RecordPayment,
    TransferCredit,
)
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.approvals import approve_request
from models.operations.assign import assign_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.create_invoice import create_invoice
from models.operations.give_reward import give_reward
from models.operations.record_payment import record_payment
from models.operations.releasing import reassign_credit, release_assignments, void_credit, void_invoice
from models.operations.transfer_credit import transfer_credit
from models.planning.approving import ApproveRequest
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.releasing import ReassignCredit, ReleaseAssignments, VoidCredit, VoidInvoice

MANAGER: Final = Actor("maria", "MANAGER")
STAFF: Final = Actor("sam", "STAFF")
AT_ONCE: Final = 64
Request = tuple[Any, Actor, Any]


EVERYTHING: Final = {
    "add": 4,
    "remove": 3,
    "staff": 4,
    "assign": 6,
    "pay": 2,
    "invoice": 2,
    "reward": 3,
    "bulk": 1,
    "void": 1,
    "credit": 1,
}
UNDOING: Final = {"assign": 6, "release": 3, "reassign": 3, "void": 2, "credit": 2, "pay": 2, "invoice": 2}
APPROVING: Final = {"approve": 3, "add": 1}
MOVING: Final = {"transfer": 9, "add": 1, "remove": 1, "credit": 1}
"""How often each kind of request comes, beside the others."""


def requests(
    seed: int, number: int, there: dict[str, list[str]], kinds: dict[str, int] = EVERYTHING
) -> dict[str, Request]:
    """By key, the operation, who asks, and for what: few accounts, credits and invoices, in every order."""
    dice = random.Random(seed)  # noqa: S311 - the same dice in both processes
    ids = {kind: [UUID(i) for i in some] for kind, some in there.items()}
    return {f"{seed}-{n}": _request(dice, ids, n, kinds) for n in range(number)}


def _request(dice: random.Random, ids: dict[str, list[UUID]], n: int, kinds: dict[str, int]) -> Request:
    customer, invoice, credit = (dice.choice(ids[kind]) for kind in ("customers", "invoices", "credits"))
    match dice.choices(tuple(kinds), tuple(kinds.values()))[0]:
        case "add":
            return adjust_credit, MANAGER, AdjustCredit(customer, "GBP", Decimal(dice.randint(1, 9)), "GOODWILL")
        case "remove":
            return adjust_credit, MANAGER, AdjustCredit(customer, "GBP", Decimal(-dice.randint(1, 30)), "POLICY")
        case "staff":
            return adjust_credit, STAFF, AdjustCredit(customer, "POINTS", Decimal(dice.randint(100, 400)), "GOODWILL")
        case "assign":
            chosen = dice.sample(ids["invoices"], dice.randint(1, 3))
            items = tuple(InvoiceAmount(i, dice.choice((None, Decimal(dice.randint(1, 5))))) for i in chosen)
            return assign_credit, MANAGER, AssignCredit(credit, items)
        case "pay":
            return record_payment, MANAGER, RecordPayment(invoice, Decimal(dice.randint(1, 9)), "CARD")
        case "invoice":
            lines = (InvoiceLineItem("Tea", 1, Decimal(dice.randint(1, 20))),)
            # Now and then a number that somebody else takes, too.
            return create_invoice, MANAGER, CreateInvoice(customer, f"N{dice.randrange(n + 1)}", "GBP", lines)
        case "reward":
            return give_reward, MANAGER, GiveReward(customer, ids["rewards"][0], deduct_points=dice.random() < 0.5)
        case "bulk":
            rows = tuple(BulkItem(c, Decimal(dice.randint(-20, 20) or 1)) for c in dice.sample(ids["customers"], 3))
            return bulk_credit, MANAGER, BulkCredit(rows, "GBP", "CORRECTION", error_policy="SKIP_FAILED")
        case "approve":
            return approve_request, MANAGER, ApproveRequest(dice.choice(ids["requests"]))
        case other:
            return _undo_or_move(other, dice, ids, invoice, credit)


def _undo_or_move(kind: str, dice: random.Random, ids: dict[str, list[UUID]], invoice: UUID, credit: UUID) -> Request:
    match kind:
        case "release":
            some = dice.sample(ids["assignments"], dice.randint(1, 2))
            return release_assignments, MANAGER, ReleaseAssignments(tuple(some))
        case "reassign":
            chosen = dice.sample(ids["invoices"], dice.randint(1, 3))
            items = tuple(InvoiceAmount(i, dice.choice((None, Decimal(1)))) for i in chosen)
            return reassign_credit, MANAGER, ReassignCredit(dice.choice(ids["assignments"]), items)
        case "transfer":
            giver, receiver = dice.sample(ids["customers"], 2)
            return transfer_credit, MANAGER, TransferCredit(giver, receiver, "GBP", Decimal(dice.randint(1, 30)))
        case "void":
            return void_invoice, MANAGER, VoidInvoice(invoice)
        case _:
            return void_credit, MANAGER, VoidCredit(credit, release_assignments=True)


async def _send(
    ledger: Ledger, tenant_id: UUID, key: str, request: Request, turn: asyncio.Semaphore
) -> tuple[str, str]:
    operation, actor, command = request
    async with turn:
        try:
            outcome: Outcome = await operation(ledger, tenant_id, actor, command, key)
        except LedgerError as error:
            return error.code, ""
        except Exception as error:  # noqa: BLE001 - the other process has to hear of it
            return f"{type(error).__name__}: {error}", ""
    made = outcome.bulk_operation_id or outcome.payment_id or outcome.transaction_id
    if operation is create_invoice:  # known by its own id, though a transaction may have come with it
        made = outcome.invoice_id
    return ("replayed" if outcome.replayed else "posted"), str(made)


async def main() -> None:
    orders = json.loads(sys.stdin.readline())
    wanted = list(requests(orders["seed"], orders["number"], orders["there"], orders["kinds"]).items())
    random.Random(orders["order"]).shuffle(wanted)  # noqa: S311 - an order of this process's own
    tenant_id, turn = UUID(orders["tenant"]), asyncio.Semaphore(AT_ONCE)
    async with open_database(orders["url"], pool_min=2, pool_max=8):
        ledger = Ledger()
        await ledger.actor_id(tenant_id, MANAGER)
        print("ready", flush=True)  # noqa: T201 - this is how they talk
        sys.stdin.readline()
        results = await asyncio.gather(*(_send(ledger, tenant_id, key, request, turn) for key, request in wanted))
        await ledger.close()
    print(json.dumps({key: result for (key, _), result in zip(wanted, results, strict=True)}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
