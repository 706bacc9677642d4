"""Columns of every table: an id made by the app, the tenant it belongs to, and what the app's role may do in it.

In the database the primary key is (tenant_id, id) and so is every foreign key (see migrations/); Tortoise knows only
`id`. That is why rows are never saved, deleted or updated through an instance: always through a query that names the
tenant, or set-based SQL.
"""

from dataclasses import dataclass
from typing import ClassVar

from tortoise import fields
from tortoise.models import Model


@dataclass(frozen=True, slots=True)
class Privileges:
    """Rights of the app's role besides reading. updates: the columns that may be changed. A row can be locked if at
    least one may."""

    updates: tuple[str, ...] = ()
    inserts: bool = True
    deletes: bool = False


class TenantRow(Model):
    """A row of one tenant. Ids are UUIDv7, made by the app."""

    id = fields.UUIDField(primary_key=True, default=None)
    tenant_id = fields.UUIDField()

    app_may: ClassVar = Privileges()

    class Meta:
        abstract = True
