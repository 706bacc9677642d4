"""Tenants, their actors, and their customers."""

from typing import ClassVar

from tortoise import fields
from tortoise.models import Model

from models.tables.base import Privileges, TenantRow


class Tenant(Model):
    """One business. `slug` is its name in tokens; `time_zone` is an IANA name; days begin and end in it.

    config_version: raised by a trigger whenever reasons, services, tiers, rewards, limits or the tenant itself change,
    so that every process knows at once that its copy is old. approval_hours: how long an approval request waits.
    restated: whether older books have been adapted to newer rules. key_days: how long an idempotency key is kept.
    event_days: how long an event is kept in the feed. expiry_notice_days: how long before its expiry a credit is announced.
    keys_pruned_at: keys used before then may be gone; null if none are. limited_currencies: the codes of those that
    limited roles may use, separated by spaces; null for all. suspended_at: since when its requests are refused, or null.
    deletion_began_at: since when its rows are being deleted, or null.
    """

    id = fields.UUIDField(primary_key=True, default=None)
    slug = fields.CharField(max_length=63, unique=True)
    name = fields.CharField(max_length=200)
    time_zone = fields.CharField(max_length=64)
    grace_days = fields.IntField()
    approval_hours = fields.IntField()
    config_version = fields.BigIntField()
    restated = fields.BooleanField(default=True)
    keys_pruned_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    key_days = fields.IntField(default=90)
    limited_currencies = fields.CharField(max_length=1000, null=True)
    suspended_at = fields.DatetimeField(null=True)
    deletion_began_at = fields.DatetimeField(null=True)
    event_days = fields.IntField(default=90)
    expiry_notice_days = fields.IntField(default=7)

    app_may: ClassVar = Privileges(
        updates=(
            "name",
            "time_zone",
            "grace_days",
            "approval_hours",
            "config_version",
            "restated",
            "key_days",
            "event_days",
            "expiry_notice_days",
            "keys_pruned_at",
            "limited_currencies",
            "suspended_at",
        )
    )

    class Meta:
        table = "tenants"


class TenantSlug(Model):
    """Which tenant a short name is. On every node of a distributed database, where `tenants` is unique only by node."""

    slug = fields.CharField(max_length=63, primary_key=True)
    tenant_id = fields.UUIDField(unique=True)

    app_may: ClassVar = Privileges()

    class Meta:
        table = "tenant_slugs"


class Actor(TenantRow):
    """A person or client that did something: the token's subject, in one role, through one client."""

    subject = fields.CharField(max_length=255)
    role = fields.CharField(max_length=16)
    client = fields.CharField(max_length=255)  # '' where the token names none
    name = fields.CharField(max_length=255, null=True)

    app_may: ClassVar = Privileges(updates=("name",))

    class Meta:
        table = "actors"
        unique_together = (("tenant_id", "subject", "role", "client"),)


class PartnerToken(TenantRow):
    """A token that an admin issued to a partner's client. Only its secret's digest (SHA-256) is stored.

    scope: its scopes, separated by spaces. replaces_id: the token that was rotated.
    """

    client = fields.CharField(max_length=255)
    name = fields.CharField(max_length=255)
    scope = fields.CharField(max_length=1000)
    secret_hash = fields.BinaryField()
    replaces_id = fields.UUIDField(null=True)
    created_by_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    revoked_by_id = fields.UUIDField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    last_used_address = fields.CharField(max_length=64, null=True)

    app_may: ClassVar = Privileges(
        updates=("expires_at", "revoked_by_id", "revoked_at", "last_used_at", "last_used_address")
    )

    class Meta:
        table = "partner_tokens"


class Customer(TenantRow):
    """A person that the tenant owes. `external_id` is the tenant's own name for them.

    membership_cancelled_at: when the membership ended; null while it runs or if there never was one. merged_into_id:
    the surviving record, never one that was itself merged; merged_at: since when. Every id of the person names that
    record. erased_at: name, e-mail and notes are gone since then. external_id_since: when this record got the external
    id; null: when it was created. external_id_reused: whether another record had it before. metadata: a JSON object.
    """

    external_id = fields.CharField(max_length=255)
    name = fields.CharField(max_length=255)
    email = fields.CharField(max_length=320, null=True)
    membership_started_at = fields.DatetimeField(null=True)
    membership_cancelled_at = fields.DatetimeField(null=True)
    merged_into_id = fields.UUIDField(null=True)
    merged_at = fields.DatetimeField(null=True)
    erased_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    external_id_since = fields.DatetimeField(null=True)
    external_id_reused = fields.BooleanField()
    reference = fields.TextField(null=True)
    metadata = fields.TextField(null=True)

    app_may: ClassVar = Privileges(
        updates=(
            "external_id",
            "name",
            "email",
            "membership_started_at",
            "membership_cancelled_at",
            "merged_into_id",
            "merged_at",
            "erased_at",
            "updated_at",
            "external_id_since",
            "external_id_reused",
            "reference",
            "metadata",
        )
    )

    class Meta:
        table = "customers"
        unique_together = (("tenant_id", "external_id"),)


class ExternalIdLeft(TenantRow):
    """A trace of an external id that a customer gave up, by renaming or erasure. `id` is a digest of the name."""

    left_at = fields.DatetimeField()

    app_may: ClassVar = Privileges(updates=("left_at",))

    class Meta:
        table = "external_ids_left"
