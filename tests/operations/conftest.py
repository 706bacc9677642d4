"""What takes more than Python: a standby, a pooler, other servers and containers. `make test-operations` runs it.

`make test` does not. Each file says which programs it needs; where one is missing its tests fail, and say how to get it.
A folder of the programs in SCRIP_TEST_PROGRAMS comes before PATH.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.postgres.embedded import Urls
from tests.support.programs import needed_program
from tests.support.releases import bare


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One of these tests may run another release's whole suite."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def program() -> Callable[[str, str], Path]:
    """`program("pgbouncer", "apt install pgbouncer")`: where it is. Fails where it is not."""
    return needed_program


@pytest.fixture
async def bare_database(server: Urls) -> AsyncIterator[Urls]:
    """A database of the test's own, that nobody has migrated."""
    async with bare(server) as urls:
        yield urls
