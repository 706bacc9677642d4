"""Commands are imported when they are asked for, and are all there."""

import subprocess
import sys
from typing import Any

import pytest
import typer

from app.cli import COMMANDS, cli
from tests.docs.blocks import ROOT

GROUPS = {"checkpoint": {"make"}, "import": {"credits"}, "tenant": {"create", "export"}}
LOOKS = """
import sys
from app.cli import main
sys.argv[1:] = {words!r}
try:
    main()
finally:
    print(*sys.modules)
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_each_is_where_it_is_said_to_be(name: str) -> None:
    group: Any = typer.main.get_command(cli)
    found = group.get_command(None, name)
    assert found.name == name
    assert found.help


def test_there_are_no_others() -> None:
    group: Any = typer.main.get_command(cli)
    assert group.get_command(None, "brew") is None
    assert group.list_commands(None) == list(COMMANDS)


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_has_its_commands_and_no_options_of_a_program(name: str) -> None:
    group: Any = typer.main.get_command(cli)
    found = group.get_command(None, name)
    assert found.commands.keys() >= GROUPS[name]
    assert [each.name for each in found.params] == []


def test_a_word_like_a_command_is_answered_with_that() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "app.cli", "tokn"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "token" in ended.stderr


@pytest.mark.parametrize(
    "words", [["token", "--help"], ["tenant", "create", "--help"], ["verify", "--help"], ["work", "--help"]]
)
def test_a_command_that_serves_nothing_imports_no_server(words: list[str]) -> None:
    command = [sys.executable, "-c", LOOKS.format(words=words)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(ended.stdout.splitlines()[-1].split())
    assert "app.cli" in imported
    assert not imported & {"app.main", "resolvers"}
