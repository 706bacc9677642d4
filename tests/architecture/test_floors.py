"""The contracts on imports hold, and each of them can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command(['--no-cache']))"
NOT_OURS = ("tests", "benchmarks")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's packages and its contracts, to spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ROOT.glob("*/__init__.py"):
        if package.parent.name not in NOT_OURS:
            ignore = shutil.ignore_patterns("__pycache__", "data")
            shutil.copytree(package.parent, tmp_path / package.parent.name, ignore=ignore)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_are_kept(copy: Path) -> None:
    answer = lint(copy)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("models/money.py", "import app.settings", "Packages import downwards"),
        ("models/views.py", "import auth.roles", "Packages import downwards"),
        ("models/views.py", "import gateway.errors", "Packages import downwards"),
        ("schema/scalars.py", "from resolvers import adjust", "Packages import downwards"),
        ("gateway/errors.py", "from models.errors import DatabaseAway", "The gateway is free of Scrip"),
        ("gateway/http/view.py", "from auth.backend import principal_of", "The gateway is free of Scrip"),
        ("gateway/websocket/session.py", "from schema.context import Context", "The gateway is free of Scrip"),
        ("gateway/documents.py", "import gateway.http.view", "The gateway imports downwards"),
        ("schema/scalars.py", "import schema.root", "Only the app imports the root of the schema"),
        ("app/http/health.py", "import app.settings", "The app's rooms import downwards"),
        ("app/files/imports.py", "import app.sample.demo", "Nothing needs the sample"),
        ("models/money.py", "from models.ledger import Ledger", "The models import downwards"),
        ("models/group_commit.py", "import models.reads", "The models import downwards"),
        ("models/planning/limits.py", "import asyncio", "What plans is pure"),
        ("models/planning/adjust.py", "import asyncpg", "What plans is pure"),
    ],
)
def test_a_planted_import_is_found(copy: Path, file: str, line: str, contract: str) -> None:
    with (copy / file).open("a") as stream:
        stream.write(f"\n{line}\n")
    answer = lint(copy)
    assert answer.returncode == 1
    broken = [line for line in answer.stdout.splitlines() if "BROKEN" in line]
    assert any(contract in line for line in broken), answer.stdout


@pytest.mark.parametrize("package", ["app", "gateway", "models"])
def test_a_new_file_needs_a_floor(copy: Path, package: str) -> None:
    (copy / package / "unplaced.py").write_text('"""No floor."""\n')
    answer = lint(copy)
    assert answer.returncode == 1
    assert "unplaced" in answer.stdout
