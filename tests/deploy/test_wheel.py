"""The wheel: it is built, installed into an empty environment, and does its work far from the sources."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.postgres.embedded import Urls
from tests.conftest import cloned_database

ROOT: Final = Path(__file__).parents[2]
LIMIT_S: Final = 300


class Installed:
    """The program in an environment of its own; the libraries are those of the environment that runs the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "bin" / "scrip"

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
        libraries = next(path for path in sys.path if path.endswith("site-packages"))
        return subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": libraries, **variables},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )


@pytest.fixture(scope="module")
def scrip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        ["/bin/sh", "scripts/wheel.sh", folder], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert built.returncode == 0, built.stderr
    wheel = Path(built.stdout.strip())
    venv.create(folder / "empty", with_pip=False)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", folder / "empty" / "bin" / "python", "install"]
    subprocess.run([*pip, *options, wheel], timeout=LIMIT_S, check=True)
    yield Installed(folder / "empty")
    shutil.rmtree(folder)


def test_it_says_what_it_can_do_and_has_the_schema(scrip: Installed) -> None:
    assert "migrate" in scrip("--help").stdout
    code = "import app, migrations; print(app.__file__, migrations.__file__)"
    python = scrip.folder / "bin" / "python"
    where = subprocess.run([python, "-c", code], cwd=scrip.folder, capture_output=True, text=True, check=True).stdout
    assert [Path(path).is_relative_to(scrip.folder) for path in where.split()] == [True, True]
    assert scrip("sdl").stdout == (ROOT / "schema.graphql").read_text()


def test_it_has_every_file_of_the_sources(scrip: Installed) -> None:
    (libraries,) = (scrip.folder / "lib").glob("python*/site-packages")
    packages = ("app", "auth", "gateway", "jobs", "migrations", "models", "resolvers", "schema", "turns")
    files = [path for package in packages for path in (ROOT / package).rglob("*") if path.is_file()]
    names = {path.relative_to(ROOT).as_posix() for path in files if path.parent.name != "__pycache__"}
    assert len(names) > 300
    missing = {name for name in names if not (libraries / name).is_file()}
    assert missing - {"migrations/database.sql"} == set(), "not in the wheel: see package-data in pyproject.toml"


async def test_it_migrates_and_proves_a_database(scrip: Installed, server: Urls, worker_id: str) -> None:
    async with cloned_database(server, f"wheel_{worker_id}") as urls:
        given = {"DATABASE_URL": urls.app, "SCRIP_MIGRATION_DATABASE_URL": urls.owner}
        migrated = scrip("migrate", **given)
        assert migrated.returncode == 0, migrated.stderr
        shop = ("tea-shop", "--name", "Tea Shop", "--time-zone", "Europe/London")
        created = scrip("tenant", "create", *shop, SCRIP_JWT_SECRET="x" * 32, **given)
        assert created.returncode == 0, created.stderr
        assert "tea-shop: 0 entries" in scrip("verify", **given).stdout
