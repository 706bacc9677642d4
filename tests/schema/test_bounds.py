"""Lists that are too long are refused before anything is made of their items: a request may bring a hundred thousand."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.errors import Invalid
from schema.ids import global_id
from schema.mutations.adjust import PreviewAdjustmentInput
from schema.mutations.assign import PreviewAssignmentInput
from schema.mutations.create_credit_note import PreviewCreditNoteInput
from schema.mutations.create_invoice import CreateInvoiceInput
from schema.mutations.create_order import CreateOrderInput
from schema.mutations.release_assignments import PreviewReleaseInput
from schema.mutations.update_credit import UpdateCreditInput
from schema.scalars import AssetCode

ONE = UUID(int=1)
CUSTOMER, CREDIT, INVOICE = (global_id(kind, ONE) for kind in ("Customer", "Credit", "Invoice"))
ISSUED: dict[str, Any] = {"customer_id": CUSTOMER, "number": "I-1", "currency": "GBP", "idempotency_key": "k"}


class Untouched(list[Any]):
    """So many items, at which nobody may look."""

    def __init__(self, number: int) -> None:
        super().__init__([None] * number)

    def __iter__(self) -> Any:
        raise AssertionError("an item is looked at")


CASES: dict[str, tuple[Callable[[Any], Any], int, str]] = {
    "lines": (lambda items: CreateInvoiceInput(**ISSUED, lines=items), 1_001, "lines"),
    "items": (lambda items: CreateOrderInput(**ISSUED, items=items), 1_001, "items"),
    "noted": (lambda items: PreviewCreditNoteInput(invoice_id=INVOICE, lines=items), 1_001, "lines"),
    "assigned": (lambda items: PreviewAssignmentInput(credit_id=CREDIT, assignments=items), 101, "assignments"),
    "released": (lambda items: PreviewReleaseInput(assignment_ids=items), 101, "assignmentIds"),
    "services": (
        lambda items: PreviewAdjustmentInput(
            customer_id=CUSTOMER, asset=AssetCode("GBP"), amount=Decimal(1), reason="GOODWILL", service_ids=items
        ),
        101,
        "serviceIds",
    ),
    "services by name": (
        lambda items: UpdateCreditInput(credit_id=CREDIT, services_by=items, idempotency_key="k"),
        101,
        "servicesBy",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_too_many_are_refused_by_their_number(name: str) -> None:
    asking, number, field = CASES[name]
    with pytest.raises(Invalid) as refused:
        asking(Untouched(number)).command()
    assert refused.value.field == (field,)
