"""What the pages tell to type, and to write in a client, is there."""

import re
import shlex
from typing import Any, Final

import pytest
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from app.cli import cli
from app.settings import Settings
from tests.docs.blocks import ROOT, Block, all_blocks

MAKEFILE: Final = (ROOT / "Makefile").read_text()
CLIENTS: Final = [
    path
    for folder in (ROOT / "tests/clients", ROOT / "tests/clients/python-client", ROOT / "clients/recipes")
    for path in sorted(folder.iterdir())
    if path.suffix in (".ts", ".mjs", ".mts", ".py")
]
VARIABLES: Final = {
    name if name == "DATABASE_URL" else f"SCRIP_{name.upper()}"
    for name in (field.validation_alias or name for name, field in Settings.model_fields.items())
    if isinstance(name, str)
}


def commands(block: Block) -> list[list[str]]:
    """Each command of a block, in words; one that is called in another stands by itself, too."""
    lines = block.text.replace("\\\n", " ").splitlines()
    inner = [command for line in lines for command in re.findall(r"\$\(([^)]+)\)", line)]
    found = [shlex.split(line, comments=True) for line in [*lines, *inner]]
    return [words for words in found if words]


def wrong(words: list[str]) -> str | None:
    """What is wrong with a command; None where nothing is."""
    program, *arguments = words
    if program == "make":
        return make_wrong(arguments)
    if program.rpartition("/")[2] == "scrip":
        return scrip_wrong(arguments[: arguments.index(">")] if ">" in arguments else arguments)
    if program == "export":
        return None if arguments[0].partition("=")[0] in VARIABLES else f"no setting: {arguments[0]}"
    if program == "curl" or "=$(" in program:
        return None  # sent to a server by test_served.py
    return f"unknown: {program}"


def make_wrong(arguments: list[str]) -> str | None:
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if equals and f"$({name})" not in MAKEFILE and f"$(if $({name})" not in MAKEFILE:
            return f"make takes no {name}"
        if not equals and f"\n{name}:" not in MAKEFILE:
            return f"make has no {name}"
    return None


def scrip_wrong(arguments: list[str]) -> str | None:
    """Its words are read, as `scrip` would, and nothing is run."""
    command: Any = typer.main.get_command(cli)
    name: str | None = "scrip"
    context = None
    try:
        while isinstance(command, TyperGroup):
            context = command.make_context(name, list(arguments), parent=context)
            name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        command.make_context(name, list(arguments), parent=context)
    except TyperException as error:
        return f"{name}: {error}"
    return None


@pytest.mark.parametrize("block", all_blocks("sh"), ids=str)
def test_every_command_can_be_typed(block: Block) -> None:
    assert [problem for words in commands(block) if (problem := wrong(words)) is not None] == []


@pytest.mark.parametrize(
    "line",
    [
        "make coffee",
        "make bench SLOW=1",
        "scrip brew",
        "scrip token --tenant demo --role emperor",
        "scrip token --sugar",
        "export SCRIP_COLOUR=red",
        "rm -rf .",
    ],
)
def test_it_would_be_noticed(line: str) -> None:
    assert wrong(shlex.split(line)) is not None


def has_lines(code: str, lines: list[str]) -> bool:
    """Whether these lines stand in the code in this order, whatever is between them."""
    rest = iter(line.strip() for line in code.splitlines())
    return all(line in rest for line in lines)


@pytest.mark.parametrize("block", all_blocks("ts", "js"), ids=str)
def test_client_code_is_that_of_a_client_that_is_tested(block: Block) -> None:
    """The clients themselves run in `make test-clients`."""
    lines = [line.strip() for line in block.text.splitlines()]

    assert [path.name for path in CLIENTS if has_lines(path.read_text(), lines)]
