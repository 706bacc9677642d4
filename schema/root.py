"""Root types: the resolver of each field, and the right that it takes. The resolver's docstring describes the field."""

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
import resolvers.capture_hold
import resolvers.checkpoints
import resolvers.configuration
import resolvers.coupons
import resolvers.create_credit_note
import resolvers.create_invoice
import resolvers.create_order
import resolvers.credits
import resolvers.customers
import resolvers.events
import resolvers.give_reward
import resolvers.hold_credit
import resolvers.holds
import resolvers.invoices
import resolvers.ledger
import resolvers.liability
import resolvers.limits
import resolvers.live
import resolvers.memberships
import resolvers.node
import resolvers.partner_tokens
import resolvers.people
import resolvers.products
import resolvers.reasons
import resolvers.reassign_credit
import resolvers.record_payment
import resolvers.refund_spend
import resolvers.release_assignments
import resolvers.release_hold
import resolvers.retry_bulk_operation
import resolvers.reverse_bulk_operation
import resolvers.revive_credit
import resolvers.rewards
import resolvers.services
import resolvers.single
import resolvers.spend_credit
import resolvers.statement
import resolvers.tiers
import resolvers.transfer_credit
import resolvers.upcoming_expirations
import resolvers.update_credit
import resolvers.update_tenant
import resolvers.upsert_customer
import resolvers.use_credit
import resolvers.viewer
import resolvers.void_credit
import resolvers.void_invoice
import resolvers.void_payment
import resolvers.webhooks
from auth.roles import Permission as May
from gateway.compiled.extension import COMPILE_AT
from gateway.documents import DocumentCache
from gateway.query_limits import QueryLimits
from gateway.schema import GatewaySchema
from gateway.trusted import TrustedDocuments
from models.reads.paging import DEFAULT_PAGE
from schema.descriptions import describe
from schema.errors import coded_of, outage_of
from schema.permissions import (
    BULK,
    LONG_LIST,
    NODES,
    PROOF,
    REPORT,
    any_principal_field,
    check_declared,
    root_field,
    subscription_field,
)
from schema.scalars import SCALARS
from schema.types.event_movements import EVENT_TYPES
from schema.types.requests import MAY_ASK


@strawberry.type
class Query:
    """Entry points for reading. Each takes a right, which `extensions.missing` of the error names if the token lacks it."""

    node = any_principal_field(resolvers.node.resolve)
    nodes = any_principal_field(resolvers.node.resolve_all, cost=NODES)
    viewer = any_principal_field(resolvers.viewer.resolve)
    customer = root_field(resolvers.customers.resolve_one, May.READ_CUSTOMERS, own=True)
    customers = root_field(resolvers.customers.resolve_all, May.READ_CUSTOMERS)
    balances = root_field(resolvers.balances.resolve, May.READ_LEDGER, own=True)
    ledger = root_field(resolvers.ledger.resolve, May.READ_LEDGER, own=True)
    invoices = root_field(resolvers.invoices.resolve_all, May.READ_INVOICES, own=True)
    orders = root_field(resolvers.invoices.resolve_orders, May.READ_INVOICES, own=True)
    invoice = root_field(resolvers.invoices.resolve_one, May.READ_INVOICES, own=True)
    account = root_field(resolvers.single.resolve_account, May.READ_LEDGER, own=True)
    transaction = root_field(resolvers.single.resolve_transaction, May.READ_LEDGER, own=True)
    credit = root_field(resolvers.single.resolve_credit, May.READ_LEDGER, own=True)
    credits = root_field(resolvers.credits.resolve, May.READ_LEDGER, own=True)
    holds = root_field(resolvers.holds.resolve, May.READ_LEDGER, own=True)
    adjustment_preview = root_field(
        resolvers.adjust.resolve_old_preview,
        May.ADD_CREDIT,
        May.REMOVE_CREDIT,
        exactly=resolvers.adjust.rights,
        instead="Use previewAdjustment, whose input has no idempotency key: a preview needs none.",
    )
    preview_adjustment = root_field(
        resolvers.adjust.resolve_preview, May.ADD_CREDIT, May.REMOVE_CREDIT, exactly=resolvers.adjust.rights
    )
    preview_spend = root_field(resolvers.spend_credit.resolve_preview, May.SPEND_CREDIT)
    preview_payment = root_field(
        resolvers.record_payment.resolve_preview, May.WRITE_PAYMENTS, exactly=resolvers.record_payment.rights
    )
    preview_credit_note = root_field(resolvers.create_credit_note.resolve_preview, May.CREATE_CREDIT_NOTE)
    preview_hold = root_field(resolvers.hold_credit.resolve_preview, May.SPEND_CREDIT)
    preview_capture = root_field(
        resolvers.capture_hold.resolve_preview, May.SPEND_CREDIT, exactly=resolvers.capture_hold.rights
    )
    preview_refund = root_field(
        resolvers.refund_spend.resolve_preview, May.REFUND_SPEND, exactly=resolvers.refund_spend.rights
    )
    preview_transfer = root_field(
        resolvers.transfer_credit.resolve_preview, May.TRANSFER, exactly=resolvers.transfer_credit.rights
    )
    preview_revival = root_field(resolvers.revive_credit.resolve_preview, May.REVIVE)
    preview_use = root_field(resolvers.use_credit.resolve_preview, May.USE_CREDIT)
    preview_reward = root_field(
        resolvers.give_reward.resolve_preview,
        May.GIVE_REWARD,
        May.GIVE_REWARD_FREE,
        exactly=resolvers.give_reward.rights,
    )
    preview_disable_coupon = root_field(resolvers.coupons.resolve_disable_preview, May.DISABLE_COUPON)
    preview_assignment = root_field(resolvers.assign.resolve_preview, May.ASSIGN)
    preview_release = root_field(resolvers.release_assignments.resolve_preview, May.RELEASE)
    preview_reassignment = root_field(
        resolvers.reassign_credit.resolve_preview, May.RELEASE, exactly=resolvers.reassign_credit.rights
    )
    preview_invoice = root_field(resolvers.create_invoice.resolve_preview, May.WRITE_INVOICES)
    preview_order = root_field(resolvers.create_order.resolve_preview, May.WRITE_INVOICES)
    preview_update_credit = root_field(resolvers.update_credit.resolve_preview, May.VOID)
    preview_void_credit = root_field(
        resolvers.void_credit.resolve_preview, May.VOID, exactly=resolvers.void_credit.rights
    )
    preview_void_invoice = root_field(resolvers.void_invoice.resolve_preview, May.VOID_INVOICE)
    preview_void_payment = root_field(resolvers.void_payment.resolve_preview, May.VOID_PAYMENT)
    preview_void_credit_note = root_field(resolvers.create_credit_note.resolve_void_preview, May.VOID_CREDIT_NOTE)
    preview_merge = root_field(
        resolvers.people.resolve_merge_preview, May.MERGE_CUSTOMERS, exactly=resolvers.people.rights_to_merge
    )
    adjustment_reasons = root_field(
        resolvers.configuration.resolve_reasons, May.READ_CATALOGUE, exactly=resolvers.configuration.catalogue_rights
    )
    services = root_field(
        resolvers.configuration.resolve_services, May.READ_CATALOGUE, exactly=resolvers.configuration.catalogue_rights
    )
    products = root_field(resolvers.products.resolve_all, May.READ_PRODUCTS, exactly=resolvers.products.rights)
    rewards = root_field(
        resolvers.configuration.resolve_rewards,
        May.READ_REWARDS,
        own=True,
        exactly=resolvers.configuration.reward_rights,
    )
    tiers = root_field(resolvers.configuration.resolve_tiers, May.READ_REWARDS, own=True)
    coupon = root_field(resolvers.coupons.resolve_one, May.READ_REWARDS, own=True)
    coupons = root_field(resolvers.coupons.resolve_all, May.READ_REWARDS, own=True)
    liability = root_field(resolvers.liability.resolve, May.READ_REPORTS, cost=REPORT)
    trial_balance = root_field(resolvers.liability.resolve_trial_balance, May.READ_REPORTS, cost=REPORT)
    upcoming_expirations = root_field(
        resolvers.upcoming_expirations.resolve,
        May.READ_REPORTS,
        May.READ_LEDGER,
        own=True,
        exactly=resolvers.upcoming_expirations.rights,
        cost=REPORT,
    )
    statement = root_field(resolvers.statement.resolve, May.READ_LEDGER, own=True, cost=REPORT)
    bulk_operation = root_field(resolvers.bulk_operation.resolve, May.BULK)
    bulk_operations = root_field(resolvers.bulk_operation.resolve_all, May.BULK)
    approval_requests = root_field(resolvers.approvals.resolve_all, May.APPROVE, *MAY_ASK)
    limit_rules = root_field(resolvers.limits.resolve_rules, May.READ_CONFIG, cost=LONG_LIST)

    partner_tokens = root_field(resolvers.partner_tokens.resolve_all, May.READ_CONFIG, May.WRITE_TOKENS)

    webhooks = root_field(resolvers.webhooks.resolve_all, May.READ_CONFIG, May.WRITE_WEBHOOKS)
    webhook_deliveries = root_field(resolvers.webhooks.resolve_deliveries, May.READ_CONFIG, May.WRITE_WEBHOOKS)

    audit_trail = root_field(resolvers.audit_trail.resolve, May.READ_AUDIT, cost=REPORT)
    checkpoints = root_field(resolvers.checkpoints.resolve, May.READ_LEDGER)
    receipt = root_field(resolvers.checkpoints.resolve_receipt, May.READ_LEDGER, own=True, cost=PROOF)
    events = root_field(resolvers.events.resolve, May.READ_EVENTS, own=True, exactly=resolvers.events.rights)


@strawberry.type
class Mutation:
    """Entry points for writing. An expected failure is in `userErrors` of the result, and has changed nothing."""

    adjust_credit = root_field(
        resolvers.adjust.resolve, May.ADD_CREDIT, May.REMOVE_CREDIT, exactly=resolvers.adjust.rights
    )
    bulk_credit = root_field(resolvers.bulk_credit.resolve, May.BULK, exactly=resolvers.bulk_credit.rights, cost=BULK)
    reverse_bulk_operation = root_field(
        resolvers.reverse_bulk_operation.resolve, May.REVERSE_BULK, exactly=resolvers.reverse_bulk_operation.rights
    )
    retry_bulk_operation = root_field(resolvers.retry_bulk_operation.resolve, May.BULK)
    cancel_bulk_operation = root_field(resolvers.cancel_bulk_operation.resolve, May.BULK)
    approve_request = root_field(resolvers.approvals.resolve_approve, May.APPROVE)
    reject_request = root_field(resolvers.approvals.resolve_reject, May.APPROVE)
    withdraw_request = root_field(resolvers.approvals.resolve_withdraw, *MAY_ASK)
    assign_credit = root_field(resolvers.assign.resolve, May.ASSIGN)
    release_assignments = root_field(resolvers.release_assignments.resolve, May.RELEASE)
    reassign_credit = root_field(
        resolvers.reassign_credit.resolve, May.RELEASE, exactly=resolvers.reassign_credit.rights
    )
    update_credit = root_field(resolvers.update_credit.resolve, May.VOID)
    void_credit = root_field(resolvers.void_credit.resolve, May.VOID, exactly=resolvers.void_credit.rights)
    void_invoice = root_field(resolvers.void_invoice.resolve, May.VOID_INVOICE)
    give_reward = root_field(
        resolvers.give_reward.resolve, May.GIVE_REWARD, May.GIVE_REWARD_FREE, exactly=resolvers.give_reward.rights
    )
    use_coupon = root_field(resolvers.coupons.resolve_use, May.GIVE_REWARD)
    reopen_coupon = root_field(resolvers.coupons.resolve_reopen, May.DISABLE_COUPON)
    disable_coupon = root_field(resolvers.coupons.resolve_disable, May.DISABLE_COUPON)
    create_reward = root_field(resolvers.rewards.resolve_create, May.WRITE_CONFIG)
    update_reward = root_field(resolvers.rewards.resolve_update, May.WRITE_CONFIG)
    create_tier = root_field(resolvers.tiers.resolve_create, May.WRITE_CONFIG)
    update_tier = root_field(resolvers.tiers.resolve_update, May.WRITE_CONFIG)
    delete_tier = root_field(resolvers.tiers.resolve_delete, May.WRITE_CONFIG)
    upsert_customer = root_field(resolvers.upsert_customer.resolve, May.WRITE_CUSTOMERS)
    update_customer = root_field(resolvers.people.resolve_update, May.WRITE_CUSTOMERS)
    merge_customers = root_field(
        resolvers.people.resolve_merge, May.MERGE_CUSTOMERS, exactly=resolvers.people.rights_to_merge
    )
    erase_customer = root_field(resolvers.people.resolve_erase, May.ERASE_CUSTOMER)
    create_invoice = root_field(resolvers.create_invoice.resolve, May.WRITE_INVOICES)
    create_order = root_field(resolvers.create_order.resolve, May.WRITE_INVOICES)
    record_payment = root_field(
        resolvers.record_payment.resolve, May.WRITE_PAYMENTS, exactly=resolvers.record_payment.rights
    )
    void_payment = root_field(resolvers.void_payment.resolve, May.VOID_PAYMENT)
    create_credit_note = root_field(resolvers.create_credit_note.resolve, May.CREATE_CREDIT_NOTE)
    void_credit_note = root_field(resolvers.create_credit_note.resolve_void, May.VOID_CREDIT_NOTE)
    create_product = root_field(resolvers.products.resolve_create, May.WRITE_CONFIG)
    update_product = root_field(resolvers.products.resolve_update, May.WRITE_CONFIG)

    spend_credit = root_field(resolvers.spend_credit.resolve, May.SPEND_CREDIT)
    refund_spend = root_field(resolvers.refund_spend.resolve, May.REFUND_SPEND, exactly=resolvers.refund_spend.rights)
    transfer_credit = root_field(
        resolvers.transfer_credit.resolve, May.TRANSFER, exactly=resolvers.transfer_credit.rights
    )
    revive_credit = root_field(resolvers.revive_credit.resolve, May.REVIVE)
    hold_credit = root_field(resolvers.hold_credit.resolve, May.SPEND_CREDIT)
    capture_hold = root_field(resolvers.capture_hold.resolve, May.SPEND_CREDIT, exactly=resolvers.capture_hold.rights)
    release_hold = root_field(resolvers.release_hold.resolve, May.SPEND_CREDIT)
    extend_hold = root_field(resolvers.release_hold.resolve_extend, May.SPEND_CREDIT)
    use_credit = root_field(resolvers.use_credit.resolve, May.USE_CREDIT)
    start_membership = root_field(resolvers.memberships.resolve_start, May.WRITE_CUSTOMERS)
    cancel_membership = root_field(resolvers.memberships.resolve_cancel, May.WRITE_CUSTOMERS)
    reinstate_membership = root_field(resolvers.memberships.resolve_reinstate, May.WRITE_CUSTOMERS)
    create_reason = root_field(resolvers.reasons.resolve_create, May.WRITE_CONFIG)
    update_reason = root_field(resolvers.reasons.resolve_update, May.WRITE_CONFIG)
    create_service = root_field(resolvers.services.resolve_create, May.WRITE_CONFIG)
    update_service = root_field(resolvers.services.resolve_update, May.WRITE_CONFIG)
    set_limit = root_field(resolvers.limits.resolve_set, May.WRITE_CONFIG)
    remove_limit = root_field(resolvers.limits.resolve_remove, May.WRITE_CONFIG)
    issue_token = root_field(
        resolvers.partner_tokens.resolve_issue, May.WRITE_TOKENS, exactly=resolvers.partner_tokens.rights_to_issue
    )
    rotate_token = root_field(resolvers.partner_tokens.resolve_rotate, May.WRITE_TOKENS)
    revoke_token = root_field(resolvers.partner_tokens.resolve_revoke, May.WRITE_TOKENS)
    create_webhook = root_field(
        resolvers.webhooks.resolve_create, May.WRITE_WEBHOOKS, exactly=resolvers.webhooks.rights_to_create
    )
    update_webhook = root_field(
        resolvers.webhooks.resolve_update, May.WRITE_WEBHOOKS, exactly=resolvers.webhooks.rights_to_update
    )
    rotate_webhook_secret = root_field(resolvers.webhooks.resolve_rotate, May.WRITE_WEBHOOKS)
    enable_webhook = root_field(resolvers.webhooks.resolve_enable, May.WRITE_WEBHOOKS)
    disable_webhook = root_field(resolvers.webhooks.resolve_disable, May.WRITE_WEBHOOKS)
    delete_webhook = root_field(resolvers.webhooks.resolve_delete, May.WRITE_WEBHOOKS)
    test_webhook = root_field(resolvers.webhooks.resolve_test, May.WRITE_WEBHOOKS)
    replay_webhook = root_field(resolvers.webhooks.resolve_replay, May.WRITE_WEBHOOKS)
    update_tenant = root_field(resolvers.update_tenant.resolve, May.WRITE_CONFIG)


@strawberry.type
class Subscription:
    """Entry points for following, by WebSocket or as a stream of events: each takes a right, which is checked again before
    each message."""

    events = subscription_field(
        resolvers.live.resolve_events, May.READ_EVENTS, own=True, exactly=resolvers.events.rights
    )
    account_updated = subscription_field(
        resolvers.live.resolve_accounts, May.READ_EVENTS, own=True, exactly=resolvers.live.account_rights
    )
    bulk_operation_updated = subscription_field(resolvers.live.resolve_bulk, May.BULK)
    approval_requests = subscription_field(resolvers.live.resolve_requests, May.APPROVE, *MAY_ASK)


check_declared(Query, Mutation, Subscription)

LIMITS: Final = QueryLimits(default_page_size=DEFAULT_PAGE)
FOLLOWS: Final = re.compile(r"[cC]ursor|\b(?:after|at|before|from|to)\b")
"""Found in every document that asks for cursors, passes one, or names an instant."""


def build_schema(
    *,
    limits: QueryLimits = LIMITS,
    introspection: bool = True,
    trusted: Callable[[DocumentCache], TrustedDocuments] | None = None,
    compile_at: int | None = COMPILE_AT,
) -> GatewaySchema:
    """Return a new schema: it takes a tenth of a second. The arguments are GatewaySchema's."""
    schema = GatewaySchema(
        Query,
        Mutation,
        Subscription,
        types=EVENT_TYPES,
        config=StrawberryConfig(scalar_map=SCALARS),
        limits=limits,
        introspection=introspection,
        trusted=trusted,
        follows=FOLLOWS,
        outage_of=outage_of,
        coded_of=coded_of,
        compile_at=compile_at,
    )
    describe(schema.graphql)
    return schema
