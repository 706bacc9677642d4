"""The first step: the whole ledger, with everything that Tortoise cannot say (keys by tenant, checks, triggers, policies)."""

from migrations.initial.indexes import INDEXES
from migrations.initial.policies import POLICIES
from migrations.initial.tables_configuration import CONFIGURATION
from migrations.initial.tables_ledger import LEDGER
from migrations.initial.tables_requests import REQUESTS
from migrations.initial.triggers import TRIGGERS

__all__ = ["UPGRADE"]

UPGRADE = CONFIGURATION + LEDGER + REQUESTS + INDEXES + TRIGGERS + POLICIES
