"""The roots: which field is resolved by what, and the right that it takes. Wiring alone."""

import re
from collections.abc import Callable
from typing import Final

import strawberry
from strawberry.schema.config import StrawberryConfig

import resolvers.adjust
import resolvers.approvals
import resolvers.assign
import resolvers.audit_trail
import resolvers.balances
import resolvers.bulk_credit
import resolvers.bulk_operation
import resolvers.cancel_bulk_operation
import resolvers.configuration
import resolvers.coupons
import resolvers.create_invoice
import resolvers.create_order
import resolvers.credits
import resolvers.customers
import resolvers.give_reward
import resolvers.invoices
import resolvers.ledger
import resolvers.liability
import resolvers.limits
import resolvers.memberships
import resolvers.node
import resolvers.partner_tokens
import resolvers.people
import resolvers.products
import resolvers.reasons
import resolvers.reassign_credit
import resolvers.record_payment
import resolvers.release_assignments
import resolvers.rewards
import resolvers.services
import resolvers.statement
import resolvers.tiers
import resolvers.upcoming_expirations
import resolvers.update_credit
import resolvers.update_tenant
import resolvers.upsert_customer
import resolvers.use_credit
import resolvers.viewer
import resolvers.void_credit
import resolvers.void_invoice
import resolvers.void_payment
from auth.roles import Permission as May
from gateway.documents import DocumentCache
from gateway.query_limits import QueryLimits
from gateway.schema import GatewaySchema
from gateway.trusted import TrustedDocuments
from models.reads.paging import DEFAULT_PAGE
from schema.errors import coded_of, outage_of
from schema.permissions import BULK, LONG_LIST, REPORT, any_principal_field, check_declared, root_field
from schema.scalars import SCALARS


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
    orders = root_field(
        resolvers.invoices.resolve_orders,
        May.READ_INVOICES,
        own=True,
        description="The invoices that are orders: all, or one customer's, oldest first.",
    )
    invoice = root_field(resolvers.invoices.resolve_one, May.READ_INVOICES, own=True)
    credits = root_field(
        resolvers.credits.resolve, May.READ_LEDGER, own=True, description="All, or one customer's, oldest first."
    )
    adjustment_preview = root_field(
        resolvers.adjust.resolve_preview,
        May.ADD_CREDIT,
        May.REMOVE_CREDIT,
        exactly=resolvers.adjust.rights,
        description="What adjustCredit would do. Writes nothing.",
    )
    adjustment_reasons = root_field(
        resolvers.configuration.resolve_reasons,
        May.READ_CATALOGUE,
        exactly=resolvers.configuration.catalogue_rights,
        description="By code.",
    )
    services = root_field(
        resolvers.configuration.resolve_services,
        May.READ_CATALOGUE,
        exactly=resolvers.configuration.catalogue_rights,
        description="By name.",
    )
    products = root_field(
        resolvers.products.resolve_all,
        May.READ_PRODUCTS,
        exactly=resolvers.products.rights,
        description="What orders sell, by name.",
    )
    rewards = root_field(
        resolvers.configuration.resolve_rewards,
        May.READ_REWARDS,
        own=True,
        exactly=resolvers.configuration.reward_rights,
        description="By name.",
    )
    tiers = root_field(
        resolvers.configuration.resolve_tiers, May.READ_REWARDS, own=True, description="By rising threshold."
    )
    coupon = root_field(resolvers.coupons.resolve_one, May.READ_REWARDS, own=True)
    liability = root_field(
        resolvers.liability.resolve,
        May.READ_REPORTS,
        description="What is owed, by asset: now, or at another instant.",
        cost=REPORT,
    )
    trial_balance = root_field(
        resolvers.liability.resolve_trial_balance,
        May.READ_REPORTS,
        description="Every entry up to that instant, or now, by asset and counter, beside the accounts' balances.",
        cost=REPORT,
    )
    upcoming_expirations = root_field(
        resolvers.upcoming_expirations.resolve,
        May.READ_REPORTS,
        May.READ_LEDGER,
        own=True,
        exactly=resolvers.upcoming_expirations.rights,
        description="What is left and expires, soonest first: of all or of one customer (to customers: their own).",
        cost=REPORT,
    )
    statement = root_field(
        resolvers.statement.resolve,
        May.READ_LEDGER,
        own=True,
        description="What was posted on an account from `from` on and before `to`, and the balances around it.",
        cost=REPORT,
    )
    bulk_operation = root_field(resolvers.bulk_operation.resolve, May.BULK)
    approval_requests = root_field(
        resolvers.approvals.resolve_all,
        May.APPROVE,
        *resolvers.approvals.MAY_ASK,
        description="What waits, or waited, for a second person, oldest first: to those who decide all, to others their "
        "own.",
    )
    limit_rules = root_field(
        resolvers.limits.resolve_rules,
        May.READ_CONFIG,
        description="How much each role may add: all rules, or one role's, or those for one subject or client alone.",
        cost=LONG_LIST,
    )

    partner_tokens = root_field(
        resolvers.partner_tokens.resolve_all,
        May.READ_CONFIG,
        May.WRITE_TOKENS,
        description="Every token that was issued to a partner's client, oldest first. Never a secret.",
    )

    audit_trail = root_field(
        resolvers.audit_trail.resolve,
        May.READ_AUDIT,
        description="Everything that anybody did from `from` on and before `to`, oldest first; `last` for the newest.",
        cost=REPORT,
    )


@strawberry.type
class Mutation:
    adjust_credit = root_field(
        resolvers.adjust.resolve,
        May.ADD_CREDIT,
        May.REMOVE_CREDIT,
        exactly=resolvers.adjust.rights,
        description="Add (or, negative, remove) value on one account.",
    )
    bulk_credit = root_field(
        resolvers.bulk_credit.resolve,
        May.BULK,
        exactly=resolvers.bulk_credit.rights,
        description="Adjust many customers at once. With a row that removes it takes the right to remove credit, too.",
        cost=BULK,
    )
    cancel_bulk_operation = root_field(
        resolvers.cancel_bulk_operation.resolve,
        May.BULK,
        description="Stop a large bulk; what it has posted stays. A file comes in by POST /imports/credits.",
    )
    approve_request = root_field(
        resolvers.approvals.resolve_approve,
        May.APPROVE,
        description="Post what another person asked for, checked again as of now. It is posted once.",
    )
    reject_request = root_field(
        resolvers.approvals.resolve_reject, May.APPROVE, description="Say no to what another person asked for."
    )
    withdraw_request = root_field(
        resolvers.approvals.resolve_withdraw,
        *resolvers.approvals.MAY_ASK,
        description="Take back what one has asked for.",
    )
    assign_credit = root_field(
        resolvers.assign.resolve, May.ASSIGN, description="Set one credit against invoices, all or nothing."
    )
    release_assignments = root_field(
        resolvers.release_assignments.resolve,
        May.RELEASE,
        description="Put assigned amounts back on the credits that they came from, last first, all or nothing.",
    )
    reassign_credit = root_field(
        resolvers.reassign_credit.resolve,
        May.RELEASE,
        exactly=resolvers.reassign_credit.rights,
        description="Release one assignment and set its credit against other invoices instead, all or nothing.",
    )
    update_credit = root_field(
        resolvers.update_credit.resolve, May.VOID, description="Change a credit's expiry, pause, restriction or note."
    )
    void_credit = root_field(
        resolvers.void_credit.resolve,
        May.VOID,
        exactly=resolvers.void_credit.rights,
        description="Delete a credit: what is left of it is reversed.",
    )
    void_invoice = root_field(
        resolvers.void_invoice.resolve,
        May.VOID_INVOICE,
        description="Void an invoice or order, and release what is set against it. Its payments are voided before.",
    )
    give_reward = root_field(
        resolvers.give_reward.resolve,
        May.GIVE_REWARD,
        May.GIVE_REWARD_FREE,
        exactly=resolvers.give_reward.rights,
        description="Give a coupon, for points or free of them.",
    )
    use_coupon = root_field(
        resolvers.coupons.resolve_use, May.GIVE_REWARD, description="Note that a coupon was used, which it can be once."
    )
    disable_coupon = root_field(
        resolvers.coupons.resolve_disable,
        May.DISABLE_COUPON,
        description="Make a coupon good for nothing, with or without its points back.",
    )
    create_reward = root_field(
        resolvers.rewards.resolve_create, May.WRITE_CONFIG, description="Add what coupons are made from."
    )
    update_reward = root_field(
        resolvers.rewards.resolve_update, May.WRITE_CONFIG, description="Rename, change, restock or retire a reward."
    )
    create_tier = root_field(
        resolvers.tiers.resolve_create,
        May.WRITE_CONFIG,
        description="Add a tier. Whoever has reached it is in it at once.",
    )
    update_tier = root_field(
        resolvers.tiers.resolve_update,
        May.WRITE_CONFIG,
        description="Rename a tier, or move its threshold. Customers move along at once, up and down.",
    )
    delete_tier = root_field(
        resolvers.tiers.resolve_delete,
        May.WRITE_CONFIG,
        description="Take a tier away. Whoever was in it is in the next below at once.",
    )
    upsert_customer = root_field(
        resolvers.upsert_customer.resolve, May.WRITE_CUSTOMERS, description="Add or edit a customer."
    )
    update_customer = root_field(
        resolvers.people.resolve_update,
        May.WRITE_CUSTOMERS,
        description="Edit a customer by id. What is left out stays; a null email is taken off.",
    )
    merge_customers = root_field(
        resolvers.people.resolve_merge,
        May.MERGE_CUSTOMERS,
        exactly=resolvers.people.rights_to_merge,
        description="Move all that one record of a person has to another. Histories stay where they are. It takes the "
        "right to remove credit, too.",
    )
    erase_customer = root_field(
        resolvers.people.resolve_erase,
        May.ERASE_CUSTOMER,
        description="Take a person's name, addresses and notes out of the books for ever. What was posted stays; no note "
        "is kept of what is done about them later.",
    )
    create_invoice = root_field(resolvers.create_invoice.resolve, May.WRITE_INVOICES, description="Issue an invoice.")
    create_order = root_field(
        resolvers.create_order.resolve, May.WRITE_INVOICES, description="Issue an order of products, credit among them."
    )
    record_payment = root_field(
        resolvers.record_payment.resolve,
        May.WRITE_PAYMENTS,
        exactly=resolvers.record_payment.rights,
        description="Note money that came in for an invoice or order, or pay with the customer's account credit, which "
        "takes the right to spend it, too.",
    )
    void_payment = root_field(
        resolvers.void_payment.resolve,
        May.VOID_PAYMENT,
        description="Take a payment back: what it paid is due again, and credit that the order granted goes.",
    )
    create_product = root_field(
        resolvers.products.resolve_create, May.WRITE_CONFIG, description="Add something for orders to sell."
    )
    update_product = root_field(
        resolvers.products.resolve_update, May.WRITE_CONFIG, description="Rename, reprice or retire a product."
    )

    use_credit = root_field(
        resolvers.use_credit.resolve, May.USE_CREDIT, description="Spend a customer's service credits on a service."
    )
    start_membership = root_field(
        resolvers.memberships.resolve_start, May.WRITE_CUSTOMERS, description="Make a customer a member."
    )
    cancel_membership = root_field(
        resolvers.memberships.resolve_cancel,
        May.WRITE_CUSTOMERS,
        description="End a membership: service credits can be added until its grace period is over.",
    )
    reinstate_membership = root_field(
        resolvers.memberships.resolve_reinstate, May.WRITE_CUSTOMERS, description="Take a cancellation back."
    )
    create_reason = root_field(
        resolvers.reasons.resolve_create, May.WRITE_CONFIG, description="Add a reason to the tenant's list."
    )
    update_reason = root_field(
        resolvers.reasons.resolve_update, May.WRITE_CONFIG, description="Rename, change or retire a reason."
    )
    create_service = root_field(
        resolvers.services.resolve_create, May.WRITE_CONFIG, description="Add what service credits can be spent on."
    )
    update_service = root_field(
        resolvers.services.resolve_update, May.WRITE_CONFIG, description="Rename or retire a service."
    )
    set_limit = root_field(
        resolvers.limits.resolve_set,
        May.WRITE_CONFIG,
        description="Set how much a role, or one person or client, may add. In force at once.",
    )
    remove_limit = root_field(
        resolvers.limits.resolve_remove,
        May.WRITE_CONFIG,
        description="Take a holder's or a currency's rule away: the next in line holds.",
    )
    issue_token = root_field(
        resolvers.partner_tokens.resolve_issue,
        May.WRITE_TOKENS,
        exactly=resolvers.partner_tokens.rights_to_issue,
        description="Make a token for a partner's client. Its secret is told once.",
    )
    rotate_token = root_field(
        resolvers.partner_tokens.resolve_rotate,
        May.WRITE_TOKENS,
        description="Make a token in place of another: same client, name, scopes and expiry, and a new secret.",
    )
    revoke_token = root_field(
        resolvers.partner_tokens.resolve_revoke,
        May.WRITE_TOKENS,
        description="End a token for good: within two seconds no process takes it. Revoked ones stay as they are.",
    )
    update_tenant = root_field(
        resolvers.update_tenant.resolve,
        May.WRITE_CONFIG,
        description="Change the business's name, time zone, days of grace or how long approval requests wait.",
    )


check_declared(Query, Mutation)

LIMITS: Final = QueryLimits(default_page_size=DEFAULT_PAGE)
FOLLOWS: Final = re.compile(r"[cC]ursor|\b(?:after|at|from|to)\b")
"""Found in every document that asks for cursors, passes one, or names an instant."""


def build_schema(
    *,
    limits: QueryLimits = LIMITS,
    introspection: bool = True,
    trusted: Callable[[DocumentCache], TrustedDocuments] | None = None,
) -> GatewaySchema:
    """The schema, made anew: it takes a tenth of a second. The arguments are GatewaySchema's."""
    return GatewaySchema(
        Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS),
        limits=limits, introspection=introspection, trusted=trusted,
        follows=FOLLOWS, outage_of=outage_of, coded_of=coded_of,
    )  # fmt: skip
