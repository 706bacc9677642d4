"""The fourth step: nobody waits for another, and nobody comes in by the back door.

Each part is a module with the SQL of one subject; one subcommand an ALTER and no sub-select in a policy, so that engines
which distribute tables take it as well.
"""

from migrations.nobody_waits.approvals import APPROVALS
from migrations.nobody_waits.keys import KEYS
from migrations.nobody_waits.sealing import SEALING
from migrations.nobody_waits.statistics import STATISTICS
from migrations.nobody_waits.triggers import TRIGGERS

__all__ = ["UPGRADE"]

UPGRADE = STATISTICS + TRIGGERS + KEYS + APPROVALS + SEALING
