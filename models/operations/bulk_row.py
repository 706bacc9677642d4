"""A queued bulk as its worker needs it, and each of its rows as an adjustment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from models.commands import Actor, AdjustCredit, RowAdjustment
from models.kinds import BulkMode
from models.texts import Texts

_NOTHING: Final[dict[str, Any]] = {}


@dataclass(slots=True)
class Claim:
    """A worker's hold on a bulk: its own for as long as the bulk's row says this very instant. until: as it was last set."""

    until: datetime


@dataclass(frozen=True, slots=True)
class RunningBulk:
    """A queued bulk as its worker needs it. command: reason, texts and expiry of rows that name none. reverses_id: the bulk
    that it takes back."""

    id: UUID
    asset: str
    error_policy: str
    dry_run: bool
    total: int
    succeeded: int
    validated_at: datetime | None
    command: Mapping[str, Any]
    actor: Actor
    claim: Claim
    reverses_id: UUID | None = None

    @property
    def sets(self) -> bool:
        """Whether its amounts are what is to be available."""
        return bool(self.command.get("mode") == BulkMode.SET)

    def settled_to(self, under_way: int) -> int:
        """A row number with no pending row before it, unless a run with this many rows under way was interrupted.

        Rows are settled in order: all that succeeded come before the first pending one, except those that were under
        way with it.
        """
        return max(self.succeeded - under_way, 0) - 1


def adjustment(bulk: RunningBulk, row: Any) -> RowAdjustment:
    """A row's adjustment: its own values, or else the bulk's. A removal has no expiry and no start."""
    whole, own = bulk.command, _NOTHING
    if row["details"]:
        own = json.loads(row["details"])
    expiry = own if "expires_in_days" in own or "expires_at" in own else whole
    adds = row["amount"] > 0
    at = expiry.get("expires_at")
    return RowAdjustment(
        row["row"],
        AdjustCredit(
            customer_id=row["customer_id"],
            asset=own.get("asset", bulk.asset),
            amount=row["amount"],
            reason=own.get("reason", whole["reason"]),
            note=own.get("note", whole["note"]),
            texts=_texts(own.get("texts"), whole.get("texts")),
            expires_in_days=expiry.get("expires_in_days") if adds or expiry is own else None,
            expires_at=datetime.fromisoformat(at) if at is not None and (adds or expiry is own) else None,
            effective_on=_day(own.get("effective_on")) or (_day(whole.get("effective_on")) if adds else None),
            service_ids=_services(own.get("service_ids") or whole.get("service_ids")),
        ),
        bulk.sets,
    )


def _services(stored: list[str] | None) -> tuple[UUID, ...]:
    return tuple([UUID(each) for each in stored]) if stored else ()


def _day(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)


def _texts(own: Any, whole: Any) -> Texts | None:
    others = None if whole is None else Texts.of_json(whole)
    return others if own is None else Texts.of_json(own).over(others)
