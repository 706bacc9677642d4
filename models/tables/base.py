"""Columns of every table: an id made by the app, and the tenant it belongs to.

In the database the primary key is (tenant_id, id) and so is every foreign key (see migrations/); Tortoise knows only
`id`. That is why rows are never saved, deleted or updated through an instance: always through a query that names the
tenant, or set-based SQL.
"""

from tortoise import fields
from tortoise.models import Model


class TenantRow(Model):
    """A row of one tenant. Ids are UUIDv7, made by the app."""

    id = fields.UUIDField(primary_key=True, default=None)
    tenant_id = fields.UUIDField()

    class Meta:
        abstract = True
