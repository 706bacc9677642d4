"""Whose PostgreSQL the tests run on: the one that Scrip brings along, or any other, 15 or newer.

    SCRIP_TEST_POSTGRES_BIN=/usr/lib/postgresql/15/bin make test

runs all tests on that one, but for those of the embedded server itself (`tests/app/postgres/test_embedded.py`) and of
commands that start it by themselves.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

SETTING: Final = "SCRIP_TEST_POSTGRES_BIN"


def given_programs() -> Path | None:
    """The folder of the programs that the setting names; None where it is not set. It need not be an absolute path.

    A folder without a `postgres` ends the run: it must not go on with another one.
    """
    given = os.environ.get(SETTING)
    if not given:
        return None
    folder = Path(given).absolute()
    if not (folder / "postgres").is_file():
        raise pytest.UsageError(f"{SETTING}: there is no `postgres` in {folder}.")
    return folder


def version_of(programs: Path) -> str:
    """As the programs say it: `postgres (PostgreSQL) 15.5`."""
    command = [str(programs / "postgres"), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
