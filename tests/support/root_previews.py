"""The previews whose input is a mutation's without its key: a request to each, as to the mutation."""

from typing import Any, Final

from auth.roles import Role, Scope
from tests.support.root_fields import ABOVE_STAFF, CONFIGURATION, INSIDE, Case, Given, as_input, scopes


def previewing(
    name: str, field: str, allowed: set[Role], held: frozenset[Scope], given: Given, *, undoes: bool = False
) -> Case:
    kind = field[0].upper() + field[1:]
    query = f"query($input: {kind}Input!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}"
    return Case(name, field, query, allowed, held, as_input(given), undoes=undoes)


def adjusted(amount: str) -> Given:
    return lambda ids: {"customerId": ids["Customer"], "asset": "GBP", "amount": amount, "reason": "CORRECTION"}


def given(*, deduct_points: bool) -> Given:
    return lambda ids: {"customerId": ids["Customer"], "rewardId": ids["Reward"], "deductPoints": deduct_points}


LINES: Final = [{"description": "Lamp", "units": "2", "unitPrice": "4.50"}]


def issued(**more: Any) -> Given:
    return lambda ids: {"customerId": ids["Customer"], "number": "P-1", "currency": "GBP", **more}


def ordered(product: str) -> Given:
    return lambda ids: issued(items=[{"productId": ids[product], "units": "1"}], autoApplyCredit=True)(ids)


KEYLESS: Final = [
    previewing("preview adding", "previewAdjustment", INSIDE, scopes("credits:add"), adjusted("1.00")),
    previewing("preview removing", "previewAdjustment", ABOVE_STAFF, scopes("credits:remove"), adjusted("-1.00")),
    previewing(
        "preview a use",
        "previewUse",
        INSIDE,
        scopes("credits:spend"),
        lambda ids: {"customerId": ids["Customer"], "serviceId": ids["Service"], "amount": "1"},
    ),
    previewing("preview giving for points", "previewReward", INSIDE, scopes("rewards:give"), given(deduct_points=True)),
    previewing("preview giving free", "previewReward", INSIDE, scopes("rewards:give"), given(deduct_points=False)),
    previewing(
        "preview disabling a coupon",
        "previewDisableCoupon",
        ABOVE_STAFF,
        scopes("rewards:give"),
        lambda ids: {"couponId": ids["Coupon"], "refundPoints": True},
    ),
    previewing(
        "preview an assignment",
        "previewAssignment",
        INSIDE,
        scopes("credits:assign"),
        lambda ids: {"creditId": ids["Credit"], "assignments": [{"invoiceId": ids["Invoice"]}]},
    ),
    previewing(
        "preview a release",
        "previewRelease",
        ABOVE_STAFF,
        scopes("credits:remove"),
        lambda ids: {"assignmentIds": [ids["Assignment"]]},
        undoes=True,
    ),
    previewing(
        "preview a reassignment",
        "previewReassignment",
        ABOVE_STAFF,
        scopes("credits:remove", "credits:assign"),
        lambda ids: {"assignmentId": ids["Assignment"], "assignments": [{"invoiceId": ids["Unpaid"]}]},
        undoes=True,
    ),
    previewing("preview an invoice", "previewInvoice", INSIDE, scopes("invoices:write"), issued(lines=LINES)),
    previewing("preview an order", "previewOrder", INSIDE, scopes("invoices:write"), ordered("Product")),
    previewing(
        "preview an order of credit", "previewOrder", INSIDE, scopes("invoices:write", "credits:add"), ordered("Gift")
    ),
    previewing(
        "preview changing a credit",
        "previewUpdateCredit",
        ABOVE_STAFF,
        scopes("credits:remove"),
        lambda ids: {"creditId": ids["Credit"], "autoApply": False, "expiresInDays": 30},
    ),
    previewing(
        "preview voiding a credit",
        "previewVoidCredit",
        ABOVE_STAFF,
        scopes("credits:remove"),
        lambda ids: {"creditId": ids["Credit"], "releaseAssignments": True},
    ),
    previewing(
        "preview voiding an invoice",
        "previewVoidInvoice",
        ABOVE_STAFF,
        scopes("invoices:write"),
        lambda ids: {"invoiceId": ids["Unpaid"]},
        undoes=True,
    ),
    previewing(
        "preview voiding a payment",
        "previewVoidPayment",
        ABOVE_STAFF,
        scopes("payments:write"),
        lambda ids: {"paymentId": ids["Payment"]},
    ),
    previewing(
        "preview voiding a credit note",
        "previewVoidCreditNote",
        ABOVE_STAFF,
        scopes("credits:refund"),
        lambda ids: {"creditNoteId": ids["CreditNote"]},
    ),
    previewing(
        "preview a merge",
        "previewMerge",
        CONFIGURATION,
        scopes("customers:write", "credits:remove"),
        lambda ids: {"fromId": ids["Member"], "intoId": ids["Customer"]},
    ),
]
