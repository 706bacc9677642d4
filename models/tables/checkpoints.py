"""Checkpoints of the books, and the tree that their roots are of (models/checkpoints.py)."""

from typing import ClassVar

from tortoise import fields

from models.tables.base import Privileges, TenantRow


class Checkpoint(TenantRow):
    """A signed checkpoint. number: among the tenant's, from 1. until: all that was stamped before it is in it. size:
    accounts in the tree. position: of the last event in it. note: the signed text. keys: the public keys of those that
    signed it, a line each. kept_at: when it was brought where it is kept; null if it was not yet."""

    number = fields.BigIntField()
    until = fields.DatetimeField()
    size = fields.BigIntField()
    root = fields.BinaryField()
    position = fields.BigIntField()
    note = fields.CharField(max_length=10_000)
    keys = fields.CharField(max_length=10_000)
    created_at = fields.DatetimeField()
    kept_at = fields.DatetimeField(null=True)

    app_may: ClassVar = Privileges(updates=("kept_at",))

    class Meta:
        table = "checkpoints"
        unique_together = (("tenant_id", "number"),)


class CheckpointTree(TenantRow):
    """How far a tenant's tree has come. `id` is the tenant's own. The row that a process locks while it works on the tree.

    number, until: of the last checkpoint. size: accounts in the tiles. next_until, position: of the checkpoint under way, if
    there is one: accounts up to `reached` are done. anew: whether its tiles are staged, to take the others' place. staged:
    accounts in them; matched: how many of these are in the others. heads_in: whether the tree is done, and compared with the
    books up to `reached`.
    """

    number = fields.BigIntField()
    size = fields.BigIntField()
    until = fields.DatetimeField()
    next_until = fields.DatetimeField(null=True)
    position = fields.BigIntField(null=True)
    anew = fields.BooleanField()
    reached = fields.UUIDField()
    staged = fields.BigIntField()
    matched = fields.BigIntField()
    heads_in = fields.BooleanField()

    app_may: ClassVar = Privileges(
        updates=(
            "number",
            "size",
            "until",
            "next_until",
            "position",
            "anew",
            "reached",
            "staged",
            "matched",
            "heads_in",
        )
    )

    class Meta:
        table = "checkpoint_trees"


class CheckpointTile(TenantRow):
    """Up to 32 hashes of one level of the tree, and their root. `id` is that of the first account in it or below it.

    level: 0 for leaves; keys: their accounts' ids, one after the other. Above, the hashes are roots of 32 tiles; 64 for
    those that take the place of level 0. n: which tile of its level, from 0.
    """

    level = fields.SmallIntField()
    n = fields.BigIntField()
    keys = fields.BinaryField()
    hashes = fields.BinaryField()
    root = fields.BinaryField()

    app_may: ClassVar = Privileges(updates=("id", "level", "keys", "hashes", "root"), deletes=True)

    class Meta:
        table = "checkpoint_tiles"
