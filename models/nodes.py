"""Places of rows in a database of several nodes: each tenant's are on one of them (docs/adr/0050)."""

from typing import Final

FIRST: Final = "tenants"
"""The table whose rows the others' are beside: by its `id`, by their `tenant_id`."""
EVERYWHERE: Final = ("tenant_slugs",)
"""Tables that are whole on every node: their names are unique among all tenants."""
NOWHERE_ELSE: Final = ("aerich",)
"""Tables that stay on the coordinator."""
ON_ONE_ALONE: Final = (
    "ALTER TABLE tenants DROP CONSTRAINT IF EXISTS tenants_slug_key",
    "DROP TRIGGER IF EXISTS slug_kept ON tenants",
)
"""Statements that undo some things before the tables are spread: there, `create_tenant` alone writes the names, and
`tenant_slugs` keeps them unique."""
FILLED_IN: Final = frozenset({"credits", "outbox"})
"""Tables in whose rows the database itself fills something in that is never the same: a number, the time. Of several nodes,
the coordinator does, and hands on the rows of a list of values alone."""
