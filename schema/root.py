"""The roots: which field is resolved by what, and the right that it takes. Wiring alone."""

from typing import Final

import strawberry
from strawberry.schema.config import StrawberryConfig

from auth.roles import Permission as May
from resolvers import (
    adjust,
    assign,
    balances,
    bulk_credit,
    bulk_operation,
    configuration,
    create_invoice,
    customers,
    give_reward,
    invoices,
    ledger,
    liability,
    node,
    record_payment,
    upsert_customer,
    viewer,
)
from schema.documents import ScripSchema
from schema.permissions import any_principal_field, check_declared, root_field
from schema.scalars import SCALARS


@strawberry.type
class Query:
    node = any_principal_field(node.resolve, description="Anything by its id; null where there is no such thing.")
    viewer = any_principal_field(viewer.resolve, description="Who is asking.")
    customer = root_field(customers.resolve_one, May.READ_CUSTOMERS, own=True)
    customers = root_field(
        customers.resolve_all,
        May.READ_CUSTOMERS,
        description="Oldest first. search: the beginning of a name, last name, e-mail or external id, whatever its case.",
    )
    balances = root_field(balances.resolve, May.READ_LEDGER, own=True, description="Every account of a customer.")
    ledger = root_field(
        ledger.resolve, May.READ_LEDGER, own=True, description="Entries posted from `from` on and before `to`, oldest first."
    )
    invoices = root_field(
        invoices.resolve_all, May.READ_INVOICES, own=True, description="All, or one customer's, oldest first."
    )
    invoice = root_field(invoices.resolve_one, May.READ_INVOICES, own=True)
    adjustment_preview = root_field(
        adjust.resolve_preview, May.ADD_CREDIT, May.REMOVE_CREDIT, description="What adjustCredit would do. Writes nothing."
    )
    adjustment_reasons = root_field(configuration.resolve_reasons, May.READ_CATALOGUE, description="By code.")
    services = root_field(configuration.resolve_services, May.READ_CATALOGUE, description="By name.")
    rewards = root_field(configuration.resolve_rewards, May.READ_REWARDS, own=True, description="By name.")
    tiers = root_field(configuration.resolve_tiers, May.READ_REWARDS, own=True, description="By rising threshold.")
    liability = root_field(
        liability.resolve, May.READ_REPORTS, description="What is owed, by asset: now, or at another instant."
    )
    bulk_operation = root_field(bulk_operation.resolve, May.BULK)


@strawberry.type
class Mutation:
    adjust_credit = root_field(
        adjust.resolve, May.ADD_CREDIT, May.REMOVE_CREDIT, description="Add (or, negative, remove) value on one account."
    )
    bulk_credit = root_field(bulk_credit.resolve, May.BULK, description="Adjust many customers at once.")
    assign_credit = root_field(assign.resolve, May.ASSIGN, description="Set one credit against invoices, all or nothing.")
    give_reward = root_field(
        give_reward.resolve, May.GIVE_REWARD, May.GIVE_REWARD_FREE, description="Give a coupon, for points or free of them."
    )
    upsert_customer = root_field(upsert_customer.resolve, May.WRITE_CUSTOMERS, description="Add or edit a customer.")
    create_invoice = root_field(create_invoice.resolve, May.WRITE_INVOICES, description="Issue an invoice.")
    record_payment = root_field(
        record_payment.resolve, May.WRITE_PAYMENTS, description="Note money that came in for an invoice."
    )


check_declared(Query, Mutation)

schema: Final = ScripSchema(Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS))
