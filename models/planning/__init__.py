"""Plans: (locked state, command) → entries or a refusal. Pure: no I/O, no clock, no randomness.

A plan that grows with what it finds is made in steps (steps.py).
"""

from collections.abc import Callable, Generator
from typing import Any

from models import commands as c
from models.planning import (
    adjust,
    approving,
    assign,
    bulk,
    bulk_rows,
    coupons,
    invoices,
    merging,
    payments,
    releasing,
    restating,
    rewards,
    using,
)
from models.planning.state import Books, PostingContext
from turns.steps import Steps

_PLANS: dict[type[Any], Callable[[Books, PostingContext, Any], c.Outcome | Steps[c.Outcome]]] = {
    c.AdjustCredit: adjust.plan,
    c.ApproveRequest: approving.plan,
    c.AssignCredit: assign.plan,
    c.BulkCredit: bulk.plan,
    c.CreateInvoice: invoices.plan_create,
    c.CreateOrder: invoices.plan_order,
    c.DisableCoupon: coupons.plan_disable,
    c.ExpireCredits: using.plan_expire,
    c.GiveReward: rewards.plan,
    c.MergeCustomers: merging.plan,
    c.PostRows: bulk_rows.plan,
    c.ReassignCredit: releasing.plan_reassign,
    c.RecordPayment: payments.plan,
    c.ReleaseAssignments: releasing.plan_release,
    c.RestateBooks: restating.plan,
    c.UpdateCredit: releasing.plan_update_credit,
    c.UseCoupon: coupons.plan_use,
    c.UseCredit: using.plan_use,
    c.VoidCredit: releasing.plan_void_credit,
    c.VoidInvoice: releasing.plan_void_invoice,
    c.VoidPayment: payments.plan_void,
}


def plan(books: Books, context: PostingContext, command: c.Command) -> Steps[c.Outcome]:
    """Plan one unit. Raises a LedgerError; the caller then rolls back to the savepoint set before."""
    planned = _PLANS[type(command)](books, context, command)
    return (yield from planned) if isinstance(planned, Generator) else planned
