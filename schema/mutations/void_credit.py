"""voidCredit."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.releasing import VoidCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded, loaded_assignments
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewVoidCreditInput(TextsInput):
    """A credit whose voiding to preview."""

    credit_id: strawberry.ID
    """Credit whose remainder is to be reversed."""
    release_assignments: bool | None = False
    """Whether to take back the parts set against invoices, which become due again."""
    release_holds: bool | None = False
    """Whether to void what is held of it too, which also takes the right to release holds: a partner's, only those of its
    own client. Holds keep what they have of other credits."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> VoidCredit:
        """Raises NotFound, Invalid."""
        return VoidCredit(
            credit_id=input_id(self.credit_id, "Credit", "creditId"),
            release_assignments=bool(self.release_assignments),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            release_holds=bool(self.release_holds),
            texts=self.texts(),
        )


@strawberry.input
class VoidCreditInput(KeyedInput, PreviewVoidCreditInput):
    """A credit to void."""


@strawberry.type
class VoidCreditPayload(PostingPayload):
    """Result of voidCredit."""

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit after it was voided."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the reversal."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(list[Assignment] | None)
    async def assignments(self, info: Info) -> list[Assignment]:
        """Released assignments, oldest first."""
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction whose entries reverse the remainder."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
