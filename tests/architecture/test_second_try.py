"""In CI a test that fails beside others is tried once more, alone; both are told. Elsewhere it fails at once."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.plans import ROOT

PASSES_ALONE: Final = """
import os

def test_passes_alone():
    assert "PYTEST_XDIST_WORKER" not in os.environ

def test_passes():
    pass
"""
NEVER_PASSES: Final = """
def test_never_passes():
    assert False
"""


def run(folder: Path, second_try: bool) -> subprocess.CompletedProcess[str]:
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "pytest.ini").write_text("[pytest]\n")
    told = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SCRIP_SECOND_TRY"))}
    environment = {**told, "SCRIP_SECOND_TRY": "1"} if second_try else told
    command = ["sh", str(ROOT / "scripts" / "run_tests.sh"), "-p", "no:randomly"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_what_passes_alone_is_told_and_does_not_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(PASSES_ALONE)
    ended = run(tmp_path, second_try=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 failed, 1 passed" in ended.stdout
    assert ended.stdout.endswith("To be mended:\ntest_one.py::test_passes_alone\n")


def test_what_fails_twice_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(PASSES_ALONE + NEVER_PASSES)
    ended = run(tmp_path, second_try=True)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed" in ended.stdout.partition("tried once more, alone")[2]


def test_outside_of_ci_nothing_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(PASSES_ALONE)
    ended = run(tmp_path, second_try=False)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "once more" not in ended.stdout
