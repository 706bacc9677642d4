"""The contracts on imports hold, and each of them can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's packages and its contracts, to spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ROOT.glob("*/__init__.py"):
        if package.parent.name != "tests":
            ignore = shutil.ignore_patterns("__pycache__", "data", "static")
            shutil.copytree(package.parent, tmp_path / package.parent.name, ignore=ignore)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("models/money.py", "import app.settings", "Packages import downwards"),
        ("models/views.py", "import auth.roles", "Packages import downwards"),
        ("schema/scalars.py", "import schema.root", "Only the app imports the root of the schema"),
        ("models/group_commit.py", "import models.reads", "The models import downwards"),
        ("models/planning/limits.py", "import asyncio", "What plans is pure"),
    ],
)
def test_an_import_upwards_is_found(copy: Path, file: str, line: str, contract: str) -> None:
    with (copy / file).open("a") as stream:
        stream.write(f"\n{line}\n")
    answer = lint(copy)
    assert answer.returncode == 1
    broken = [line for line in answer.stdout.splitlines() if line.endswith("BROKEN") or "BROKEN" in line]
    assert any(contract in line for line in broken), answer.stdout


def test_a_new_file_in_the_models_needs_a_floor(copy: Path) -> None:
    (copy / "models" / "unplaced.py").write_text('"""No floor."""\n')
    answer = lint(copy)
    assert answer.returncode == 1
    assert "unplaced" in answer.stdout


def test_the_contracts_are_kept(copy: Path) -> None:
    answer = lint(copy)
    assert answer.returncode == 0, answer.stdout
