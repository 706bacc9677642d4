"""The floors of the house hold, and the check that says so can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command(['--no-cache']))"
PACKAGES = ("app", "auth", "jobs", "migrations", "models", "resolvers", "schema")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's code, to be spoilt."""
    for package in PACKAGES:
        if (ROOT / package).is_dir():
            shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)


def test_the_floors_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("models/money.py", "from models.ledger import Ledger"),
        ("models/planning/adjust.py", "import asyncpg"),
        ("models/operations/adjust.py", "from auth.principal import Principal"),
        ("schema/scalars.py", "from resolvers import adjust"),
    ],
)
def test_a_planted_import_is_found(copy: Path, path: str, line: str) -> None:
    spoilt = copy / path
    spoilt.write_text(f"{spoilt.read_text()}\n{line}\n")

    done = lint(copy)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout
