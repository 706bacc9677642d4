"""A client that asks a server for /health/live again and again: `python -m tests.support.waiting_client PORT PID`.

For each line on stdin it answers with the most seconds that the event loop of that process ran for while it waited for
one answer, since the line before.
A process of its own: a thread of a test's waits for its interpreter as well, and the server goes on meanwhile. It may go on
also while this one waits for a processor; so that time is taken off.
"""

import http.client
import select
import sys
from pathlib import Path
from typing import Final

PAUSE_S: Final = 0.005
TIMEOUT_S: Final = 60
OWN: Final = "thread-self"


def main_thread_of(pid: int | str) -> str:
    return f"{pid}/task/{pid}"


def scheduled(thread: str) -> tuple[float, float]:
    """Seconds that a thread has run, and has waited for a processor. thread: its folder in /proc."""
    ran, waited, _ = Path(f"/proc/{thread}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def held_s(connection: http.client.HTTPConnection, loop: str) -> float:
    _, waited = scheduled(OWN)
    began, _ = scheduled(loop)
    connection.request("GET", "/health/live")
    assert connection.getresponse().read()
    ended, _ = scheduled(loop)
    return ended - began - (scheduled(OWN)[1] - waited)


def main(port: int, loop: str) -> None:
    connection, most_s = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S), 0.0
    while True:
        if select.select([sys.stdin], [], [], PAUSE_S)[0]:
            if not sys.stdin.readline():
                break
            print(most_s, flush=True)  # noqa: T201 - this is how they talk
            most_s = 0.0
        most_s = max(most_s, held_s(connection, loop))
    connection.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), main_thread_of(sys.argv[2]))
