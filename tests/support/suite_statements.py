"""Whatever statement the app sends in any test of a run is judged at its end: it has to lead to one tenant's machine.

A plugin of pytest. Each process notes what it sees; where workers share the tests, they hand it to the process that
controls them. A run with a fault fails, and says who sent which statement.
"""

from contextlib import ExitStack
from typing import Any, Final

import pytest

from models.session import message_of
from tests.support.plans import Statement, recorded
from tests.support.sharding import ELSEWHERE, faults

HANDED_OVER: Final = "scrip_statements"
MAX_SHOWN: Final = 500
"""Characters of a statement."""
ON_PURPOSE: Final = "$1::uuid IS NOT NULL"
"""Stands where a test has taken the tenant out of a statement, to see that row security alone keeps tenants apart."""
IN_TWO_FORMS: Final = ("models/session.py begun", "models/loading/config_locks.py hold_tiers")
"""Who sends a message that `message_of` makes: nodes get it in another form."""
DATA: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")

_recording = ExitStack()
_found: set[Statement] = set()


def unled(statements: set[Statement]) -> list[str]:
    """Those that lead to no one machine, and may not: by whom, what is wrong, the statement in one line."""
    refused = {
        f"{s.asked_by}: {', '.join(sorted(wrong))}\n    {s.named[:MAX_SHOWN]}"
        for s in statements
        if (s.message or s.named.upper().startswith(DATA)) and ON_PURPOSE not in s.sql
        if (wrong := {fault for fault in faults(_for_nodes(s)) if (s.asked_by, fault) not in ELSEWHERE})
    }
    return sorted(refused)


def _for_nodes(statement: Statement) -> str:
    if statement.message and statement.asked_by in IN_TWO_FORMS:
        return message_of("", statement.sql, distributed=True)
    return statement.sql


def pytest_sessionstart() -> None:
    """Note from here on."""
    global _found
    _found = _recording.enter_context(recorded())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended: take what it saw. One that crashed hands over nothing."""
    _found.update(Statement(*each) for each in getattr(node, "workeroutput", {}).get(HANDED_OVER, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over, as a worker; else judge."""
    _recording.close()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[HANDED_OVER] = [(s.sql, s.posting, s.asked_by, s.message) for s in _found]
    elif session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and unled(_found):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was found."""
    if refused := unled(_found):
        terminalreporter.section(
            "statements that lead to no one machine (tests/support/sharding.py)", red=True, bold=True
        )
        terminalreporter.write_line("\n".join(refused))
