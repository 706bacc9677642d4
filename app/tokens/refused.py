"""Tokens refused before their tenant was known: counted by reason, and logged, and never quoted."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from auth.backend import Unchecked, network_address, unauthenticated_response
from models.throttle import Throttle

logger = logging.getLogger(__name__)

MAX_REASONS: Final = 100
"""The verifiers have about thirty, all of them fixed texts; each is a time series for a scraper."""
OTHER_REASONS: Final = "another reason"
MAX_LINES_A_MINUTE: Final = 60


class RefusedTokens:
    """One process's. No tenant's audit can list these: the sender has not shown that they belong to one."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lines = Throttle(MAX_LINES_A_MINUTE, timedelta(minutes=1))
        self.counts: dict[str, int] = {}

    def note(self, reason: str, request_id: str | None, address: str | None) -> None:
        """Count a refusal and log it, at most MAX_LINES_A_MINUTE of them. `reason` quotes nothing of the token."""
        counted = reason if reason in self.counts or len(self.counts) < MAX_REASONS else OTHER_REASONS
        self.counts[counted] = self.counts.get(counted, 0) + 1
        granted, left_out = self._lines.take("", 1, self._clock())
        if granted:
            more = f" ({left_out} more were not logged)" if left_out else ""
            logger.warning(
                "token refused: %s; request %s from %s%s",
                reason,
                request_id or "-",
                address or "-",
                more,
                extra={"request_id": request_id},
            )

    def answer(self, conn: HTTPConnection, error: Exception) -> Response:
        """The response of AuthenticationMiddleware if a token is refused, or cannot be checked now."""
        if not isinstance(error, Unchecked):
            self.note(str(error), conn.scope.get("state", {}).get("request_id"), network_address(conn))
        return unauthenticated_response(conn, error)
