"""updateCustomer, mergeCustomers and eraseCustomer."""

from uuid import UUID

from auth.roles import Permission
from models.errors import LedgerError
from models.named_ids import NamedId
from models.operations.merge_customers import merge_customers, preview_merge
from models.operations.people import erase_customer, update_customer
from resolvers.previews import effects_of
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.people import (
    EraseCustomerInput,
    EraseCustomerPayload,
    MergeCustomersInput,
    MergeCustomersPayload,
    PreviewMergeInput,
    UpdateCustomerPayload,
)
from schema.types.customer import UpdateCustomerInput
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve_update(info: Info, input: UpdateCustomerInput) -> UpdateCustomerPayload:  # noqa: A002 - the argument's name in the API
    """Edit a customer by id. Fields left out stay as they are; a null e-mail address is removed."""
    try:
        command = input.command()
        changed = await info.context.change(update_customer, command)
    except LedgerError as error:
        return UpdateCustomerPayload(user_errors=user_errors(error))
    return UpdateCustomerPayload(changed=changed, customer_id=command.customer_id)


async def resolve_merge(info: Info, input: MergeCustomersInput) -> MergeCustomersPayload:  # noqa: A002 - as above
    """Merge two records of one person: the surviving record takes over all value, invoices and coupons, and each keeps
    its history. It also takes the right to remove credit."""
    try:
        command = input.command()
        outcome = await info.context.post(merge_customers, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return MergeCustomersPayload(user_errors=user_errors(error))
    survivor: UUID | None = command.into_id
    if outcome.replayed and isinstance(command.into_id, NamedId):
        # By now another may have the name of the surviving record; that of the merged one only once both are erased.
        person = await info.context.loaders.customers.load(command.from_id)
        survivor = None if person is None or person.view.id == command.from_id else person.view.id
    return MergeCustomersPayload(replayed=outcome.replayed, customer_id=survivor)


async def resolve_erase(info: Info, input: EraseCustomerInput) -> EraseCustomerPayload:  # noqa: A002 - as above
    """Erase a customer's name, addresses and notes for good. Posted amounts stay, and later notes are not kept."""
    try:
        customer_id = input.row_id()
        changed = await info.context.change(erase_customer, customer_id)
    except LedgerError as error:
        return EraseCustomerPayload(user_errors=user_errors(error))
    return EraseCustomerPayload(changed=changed, customer_id=customer_id)


async def resolve_merge_preview(info: Info, input: PreviewMergeInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that mergeCustomers would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_merge)


def rights_to_merge(_context: Context, input: PreviewMergeInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Return the right to remove as well: value moves from one to the other, and a token for names and addresses must
    not move money."""
    return (Permission.MERGE_CUSTOMERS, Permission.REMOVE_CREDIT)
