"""The mutations that set a business up: what it sells and rewards, its rules, its partners' tokens and webhooks."""

from typing import Final

from tests.support.root_fields import ADMIN, mutating, scopes

SETTINGS: Final = [
    mutating(
        "create product",
        "createProduct",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"name": "Lamp", "kind": "GOODS", "currency": "GBP", "price": "9.00", "idempotencyKey": "k"},
    ),
    mutating(
        "update product",
        "updateProduct",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"productId": ids["Product"], "active": False},
    ),
    mutating(
        "create reward",
        "createReward",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"name": "Cup", "kind": "FREE_DELIVERY", "pointsCost": "10", "idempotencyKey": "k"},
    ),
    mutating(
        "update reward",
        "updateReward",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"rewardId": ids["Reward"], "active": False},
    ),
    mutating(
        "create tier",
        "createTier",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"name": "Silver", "threshold": "50", "idempotencyKey": "k"},
    ),
    mutating(
        "update tier",
        "updateTier",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"tierId": ids["Tier"], "threshold": "90"},
    ),
    mutating("delete tier", "deleteTier", {ADMIN}, scopes("config:write"), lambda ids: {"tierId": ids["Tier"]}),
    mutating(
        "create reason",
        "createReason",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"code": "NEW", "label": "New", "directions": ["ADD"], "idempotencyKey": "k"},
    ),
    mutating(
        "update reason",
        "updateReason",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"code": "GOODWILL", "active": False},
    ),
    mutating(
        "create service",
        "createService",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"name": "New", "idempotencyKey": "k"},
    ),
    mutating(
        "update service",
        "updateService",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"serviceId": ids["Service"], "active": False},
    ),
    mutating(
        "set a limit",
        "setLimit",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"role": "STAFF", "asset": "GBP", "perAdjustment": "5.00"},
    ),
    mutating(
        "remove a limit",
        "removeLimit",
        {ADMIN},
        scopes("config:write"),
        lambda ids: {"role": "STAFF", "holder": "gone"},
    ),
    mutating(
        "issue a token",
        "issueToken",
        {ADMIN},
        scopes("tokens:write"),
        lambda ids: {"client": "shop", "name": "Till", "scopes": ["credits:add"]},
    ),
    mutating(
        "rotate a token", "rotateToken", {ADMIN}, scopes("tokens:write"), lambda ids: {"tokenId": ids["PartnerToken"]}
    ),
    mutating(
        "revoke a token", "revokeToken", {ADMIN}, scopes("tokens:write"), lambda ids: {"tokenId": ids["PartnerToken"]}
    ),
    mutating(
        "create a webhook",
        "createWebhook",
        {ADMIN},
        scopes("webhooks:write", "events:read"),
        lambda ids: {"url": "https://example.com/other"},
    ),
    mutating(
        "create a webhook for the configuration",
        "createWebhook",
        {ADMIN},
        scopes("webhooks:write", "events:read", "config:write"),
        lambda ids: {"url": "https://example.com/other", "types": ["LIMIT_CHANGED"]},
    ),
    mutating(
        "update a webhook",
        "updateWebhook",
        {ADMIN},
        scopes("webhooks:write", "events:read"),
        lambda ids: {"webhookId": ids["Webhook"], "description": "Till"},
    ),
    mutating(
        "rotate a webhook's secret",
        "rotateWebhookSecret",
        {ADMIN},
        scopes("webhooks:write"),
        lambda ids: {"webhookId": ids["Webhook"]},
    ),
    mutating(
        "enable a webhook",
        "enableWebhook",
        {ADMIN},
        scopes("webhooks:write"),
        lambda ids: {"webhookId": ids["Webhook"]},
    ),
    mutating(
        "disable a webhook",
        "disableWebhook",
        {ADMIN},
        scopes("webhooks:write"),
        lambda ids: {"webhookId": ids["Webhook"]},
    ),
    mutating(
        "test a webhook", "testWebhook", {ADMIN}, scopes("webhooks:write"), lambda ids: {"webhookId": ids["Webhook"]}
    ),
    mutating(
        "replay to a webhook",
        "replayWebhook",
        {ADMIN},
        scopes("webhooks:write"),
        lambda ids: {"webhookId": ids["Webhook"]},
    ),
    mutating(
        "delete a webhook",
        "deleteWebhook",
        {ADMIN},
        scopes("webhooks:write"),
        lambda ids: {"webhookId": ids["Webhook"]},
    ),
    mutating("update tenant", "updateTenant", {ADMIN}, scopes("config:write"), lambda ids: {"name": "New"}),
]
