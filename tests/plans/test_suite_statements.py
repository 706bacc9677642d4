"""A statement that leads to no one machine fails the run, in whichever test and process it was sent."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.plans import ROOT, Statement
from tests.support.suite_statements import unled

WITHOUT_TENANT: Final = "SELECT name FROM customers WHERE id = $1"
PLANTED: Final = f'''
import asyncio
from pathlib import Path
import asyncpg

class Quiet(asyncpg.Connection):
    """Not connected to anything."""

    def __init__(self):
        pass

    def __del__(self):
        pass

CODE = "async def ask(connection, sql):\\n    await connection._get_statement(sql, None)\\n"
SENT = {{}}
exec(compile(CODE, str(Path({str(ROOT)!r}) / "models" / "planted.py"), "exec"), SENT)

def test_passes_by_itself():
    try:
        asyncio.run(SENT["ask"](Quiet(), "{WITHOUT_TENANT}"))
    except AttributeError:
        pass  # it goes no further than to be noted
'''


def test_what_a_statement_lacks_is_said_with_who_sent_it() -> None:
    wrong = Statement(WITHOUT_TENANT, False, "models/planted.py ask")
    right = Statement("SELECT name FROM customers WHERE tenant_id = $1", False, "models/planted.py ask")
    assert unled({wrong, right}) == [
        f"models/planted.py ask: customers customers: no tenant_id = $1\n    {WITHOUT_TENANT}"
    ]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_run_fails_that_sent_one(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_planted.py").write_text(PLANTED)
    plugins = ["-p", "tests.support.suite_statements", "-p", "no:randomly", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, *plugins, "--rootdir", str(tmp_path), str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"models/planted.py ask: customers customers: no tenant_id = $1\n    {WITHOUT_TENANT}" in ended.stdout
