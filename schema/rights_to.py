"""The rights to what an approval request asks for: its approver needs them as well."""

from typing import Final

from auth.roles import Permission
from models.commands import (
    AdjustCredit,
    Approvable,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.planning.binding import Terms, credit_sold

OF_REQUESTS: Final = frozenset(
    {
        Permission.ADD_CREDIT,
        Permission.REMOVE_CREDIT,
        Permission.GIVE_REWARD,
        Permission.GIVE_REWARD_FREE,
        Permission.WRITE_INVOICES,
        Permission.REFUND_SPEND,
        Permission.REVIVE,
        Permission.TRANSFER,
        Permission.WRITE_PAYMENTS,
        Permission.KEEP_EXCESS,
        Permission.CREATE_CREDIT_NOTE,
    }
)
"""All that any request can take."""


def rights_to(asked: Approvable, terms: Terms | None) -> tuple[Permission, ...]:
    """Return the rights to the requested operation, which the approver needs as well."""
    match asked:
        case AdjustCredit():
            return (Permission.REMOVE_CREDIT if asked.amount < 0 else Permission.ADD_CREDIT,)
        case GiveReward():
            return (Permission.GIVE_REWARD if asked.deduct_points else Permission.GIVE_REWARD_FREE,)
        case CreateOrder():
            sells = (Permission.ADD_CREDIT,) if credit_sold(asked, terms) else ()
            return (Permission.WRITE_INVOICES, *sells)
        case RefundSpend():
            renews = (Permission.REVIVE,) if asked.new_expiry.ways else ()
            return (Permission.REFUND_SPEND, *renews)
        case TransferCredit():
            return (Permission.TRANSFER, Permission.ADD_CREDIT)
        case ReviveCredit():
            return (Permission.REVIVE,)
        case RecordPayment():
            return (Permission.WRITE_PAYMENTS, Permission.KEEP_EXCESS)
        case CreateCreditNote():
            return (Permission.CREATE_CREDIT_NOTE,)
