"""Limits on the WebSockets of a process, and their number."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from gateway.http.requests import DEFAULT_MAX_BODY_BYTES
from gateway.http.view import DEFAULT_EXECUTION_TIMEOUT


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Limits on WebSockets. Times are in seconds.

    init_timeout: until a client must have sent its token. check_interval: between two checks that the token is still
    valid, of a connection that is silent; longer if there are many. send_timeout: how long a client may leave a message
    unread. max_sockets: in this process. max_operations: running on one socket at a time.
    """

    init_timeout: float = 10.0
    # With the second for which a partner token's row is cached, a revocation takes effect within two.
    check_interval: float = 0.5
    execution_timeout: float = DEFAULT_EXECUTION_TIMEOUT
    send_timeout: float = 30.0
    max_sockets: int = 2_000
    max_sockets_per_holder: int = 50
    max_operations: int = 20
    max_message_bytes: int = DEFAULT_MAX_BODY_BYTES


MANY_SOCKETS: Final = 1_000
"""Connections whose tokens are checked as often as is set; those of more, all together no oftener."""
MAX_CHECK_INTERVAL: Final = 10.0


class OpenSockets:
    """The number of open sockets in this process, and of each holder."""

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._held: Counter[Hashable] = Counter()
        self.number = 0

    @property
    def check_interval(self) -> float:
        """Seconds between two checks of a silent connection's token: one precedes an operation and a message anyway."""
        interval = self._limits.check_interval
        return min(interval * max(self.number / MANY_SOCKETS, 1.0), max(interval, MAX_CHECK_INTERVAL))

    @contextmanager
    def one_more(self) -> Iterator[bool]:
        """Count one while the block lasts; False, uncounted, if there are too many."""
        fits = self.number < self._limits.max_sockets
        self.number += fits
        try:
            yield fits
        finally:
            self.number -= fits

    def take(self, holder: Hashable) -> bool:
        """Count one of this holder's. False, uncounted, if there are too many."""
        if self._held[holder] >= self._limits.max_sockets_per_holder:
            return False
        self._held[holder] += 1
        return True

    def give_back(self, holder: Hashable) -> None:
        """Uncount one of this holder's."""
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]
