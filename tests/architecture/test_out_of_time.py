"""A test that waits for ever fails by its name, and its report tells what it waited for."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.out_of_time import SECTION
from tests.support.plans import ROOT

HANGS: Final = """
import asyncio

async def told():
    await asyncio.Event().wait()

async def test_hangs():
    other = asyncio.create_task(told(), name="another task")
    await told()

def test_comes_after():
    pass
"""


def test_it_fails_by_name_and_tells_where_each_task_stands(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGS)
    plugins = ["-p", "tests.support.out_of_time", "-p", "no:randomly", "-p", "no:cacheprovider"]
    settings = ["-q", "-n", "2", "-o", "asyncio_mode=auto", "-o", "timeout=6", "--rootdir", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *settings, *plugins, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed" in ended.stdout, ended.stdout + ended.stderr
    told = ended.stdout.partition(SECTION)[2]
    waits = f"{tmp_path}/test_hanging.py:5 told\n"
    assert f"{tmp_path}/test_hanging.py:9 test_hangs\n    {waits}" in told
    assert f"another task\n    {waits}" in told
