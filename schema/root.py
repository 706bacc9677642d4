"""The roots: which field is resolved by what, and the right that it takes. Wiring alone."""

from typing import Final

import strawberry
from strawberry.schema.config import StrawberryConfig

import resolvers.adjust
import resolvers.assign
import resolvers.balances
import resolvers.bulk_credit
import resolvers.bulk_operation
import resolvers.configuration
import resolvers.create_invoice
import resolvers.customers
import resolvers.give_reward
import resolvers.invoices
import resolvers.ledger
import resolvers.liability
import resolvers.node
import resolvers.record_payment
import resolvers.upsert_customer
import resolvers.viewer
from auth.roles import Permission as May
from schema.documents import ScripSchema
from schema.permissions import any_principal_field, check_declared, root_field
from schema.scalars import SCALARS
from schema.sdl import mend


@strawberry.type
class Query:
    node = any_principal_field(
        resolvers.node.resolve, description="Anything by its id; null where there is no such thing."
    )
    viewer = any_principal_field(resolvers.viewer.resolve, description="Who is asking.")
    customer = root_field(resolvers.customers.resolve_one, May.READ_CUSTOMERS, own=True)
    customers = root_field(
        resolvers.customers.resolve_all,
        May.READ_CUSTOMERS,
        description="Oldest first. search: the beginning of a name, last name, e-mail or external id, in any case.",
    )
    balances = root_field(
        resolvers.balances.resolve, May.READ_LEDGER, own=True, description="Every account of a customer."
    )
    ledger = root_field(
        resolvers.ledger.resolve,
        May.READ_LEDGER,
        own=True,
        description="Entries posted from `from` on and before `to`, oldest first.",
    )
    invoices = root_field(
        resolvers.invoices.resolve_all, May.READ_INVOICES, own=True, description="All, or one customer's, oldest first."
    )
    invoice = root_field(resolvers.invoices.resolve_one, May.READ_INVOICES, own=True)
    adjustment_preview = root_field(
        resolvers.adjust.resolve_preview,
        May.ADD_CREDIT,
        May.REMOVE_CREDIT,
        description="What adjustCredit would do. Writes nothing.",
    )
    adjustment_reasons = root_field(resolvers.configuration.resolve_reasons, May.READ_CATALOGUE, description="By code.")
    services = root_field(resolvers.configuration.resolve_services, May.READ_CATALOGUE, description="By name.")
    rewards = root_field(resolvers.configuration.resolve_rewards, May.READ_REWARDS, own=True, description="By name.")
    tiers = root_field(
        resolvers.configuration.resolve_tiers, May.READ_REWARDS, own=True, description="By rising threshold."
    )
    liability = root_field(
        resolvers.liability.resolve, May.READ_REPORTS, description="What is owed, by asset: now, or at another instant."
    )
    bulk_operation = root_field(resolvers.bulk_operation.resolve, May.BULK)


@strawberry.type
class Mutation:
    adjust_credit = root_field(
        resolvers.adjust.resolve,
        May.ADD_CREDIT,
        May.REMOVE_CREDIT,
        description="Add (or, negative, remove) value on one account.",
    )
    bulk_credit = root_field(resolvers.bulk_credit.resolve, May.BULK, description="Adjust many customers at once.")
    assign_credit = root_field(
        resolvers.assign.resolve, May.ASSIGN, description="Set one credit against invoices, all or nothing."
    )
    give_reward = root_field(
        resolvers.give_reward.resolve,
        May.GIVE_REWARD,
        May.GIVE_REWARD_FREE,
        description="Give a coupon, for points or free of them.",
    )
    upsert_customer = root_field(
        resolvers.upsert_customer.resolve, May.WRITE_CUSTOMERS, description="Add or edit a customer."
    )
    create_invoice = root_field(resolvers.create_invoice.resolve, May.WRITE_INVOICES, description="Issue an invoice.")
    record_payment = root_field(
        resolvers.record_payment.resolve, May.WRITE_PAYMENTS, description="Note money that came in for an invoice."
    )


check_declared(Query, Mutation)

schema: Final = ScripSchema(Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS))
mend(schema.graphql)
