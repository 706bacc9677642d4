"""Programs that the tests in tests/operations need beside Python."""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

SETTING: Final = "SCRIP_TEST_PROGRAMS"
"""Folders of programs, as in PATH, to look in first."""
_SYSTEM: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian keeps servers, and an ordinary user's PATH does not lead."""


def found_program(name: str) -> Path | None:
    """Where the program is, if anywhere."""
    folders = ":".join(filter(None, (os.environ.get(SETTING), os.environ.get("PATH"), _SYSTEM)))
    found = shutil.which(name, path=folders)
    return None if found is None else Path(found)


def needed_program(name: str, how: str) -> Path:
    """Where the program is. how: to get it. Fails the test if it is nowhere: what was not tested must not pass."""
    found = found_program(name)
    if found is None:
        pytest.fail(f"This needs `{name}`, which is not here: {how}, or name its folder in {SETTING}.", pytrace=False)
    return found
