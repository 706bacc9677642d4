"""Comparisons of entries of a few kinds with what made them: all of them take one scan of the entries, and one of the
transactions."""

from typing import Final

from models.reads.verify_checks import ASSIGNMENT_ENTRIES, GRANT_ENTRIES, Check
from models.reads.verify_holds import CAPTURES, HOLD_SUMS
from models.reads.verify_moving import TRANSFERRED_CREDITS, TRANSFERS
from models.reads.verify_notes import CREDIT_NOTE_ENTRIES
from models.reads.verify_people import COUPON_POINTS, COUPON_REFUNDS, REFUNDS

_OF: Final = (
    ASSIGNMENT_ENTRIES,
    GRANT_ENTRIES,
    CREDIT_NOTE_ENTRIES,
    CAPTURES,
    HOLD_SUMS,
    COUPON_POINTS,
    COUPON_REFUNDS,
    REFUNDS,
    TRANSFERS,
    TRANSFERRED_CREDITS,
)


def _branch(check: Check) -> str:
    return f"SELECT '{check.name}' AS compared, d.id, d.detail FROM ({check.sql}) d"


FEW_CHECKS: Final = (
    Check(
        None,
        f"""
        WITH few AS MATERIALIZED (
            SELECT tenant_id, id, account_id, transaction_id, credit_id, counter, amount_minor FROM entries
            WHERE tenant_id = $1 AND counter NOT IN ('ISSUED', 'REMOVED', 'EXPIRED')
        ), kinds AS MATERIALIZED (
            SELECT id, kind, customer_id FROM transactions
            WHERE tenant_id = $1 AND kind IN ('ASSIGNMENT', 'HOLD', 'REFUND', 'REWARD', 'SPEND', 'TRANSFER', 'USE')
        )
        {" UNION ALL ".join(_branch(check) for check in _OF)}
        """,
    ),
)
