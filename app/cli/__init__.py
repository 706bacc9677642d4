"""The command line: one file per command; here the parts common to them.

A command is imported when it is asked for: most need a small part of Scrip, and the whole takes seconds to import.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from app.cli.stopping import stop_is_failure
from app.problems import SetupProblem
from models.errors import DatabaseAway

COMMANDS: Final = {
    "run": "app.cli.run:run_command",
    "serve": "app.cli.serve:serve_command",
    "migrate": "app.cli.migrate:migrate_command",
    "doctor": "app.cli.doctor:doctor_command",
    "token": "app.cli.token:token_command",
    "work": "app.cli.work:work_command",
    "verify": "app.cli.verify:verify_command",
    "backup": "app.cli.backup:backup_command",
    "restore": "app.cli.backup:restore_command",
    "sdl": "app.cli.sdl:sdl_command",
    "documents": "app.cli.documents:documents_command",
    "checkpoint": "app.cli.checkpoint:checkpoint_commands",
    "import": "app.cli.import_command:import_commands",
    "tenant": "app.cli.tenant:tenant_commands",
}
"""The place of each, in the order of the help: a function, or a `Typer` with commands of its own."""


class Commands(TyperGroup):
    """Those of COMMANDS."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        names: dict[str, Any] = dict.fromkeys(COMMANDS)  # are suggested for words like them
        self.commands = names

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        with _uncollected():
            found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            made: Any = get_group(found)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(cmd_name)(found)
            made = get_command(alone)
        made.name = cmd_name
        return made


@contextmanager
def _uncollected() -> Iterator[None]:
    """For an import: all that it makes stays, and to look for garbage among it takes a fifth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


cli = typer.Typer(
    name="scrip",
    cls=Commands,
    help="Scrip: a ledger of what a business owes its customers, behind one GraphQL API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.callback()
def _scrip() -> None:
    pass


def main() -> None:
    """Run the command that was typed. A problem of set-up is reported in a line or two, not as a traceback."""
    stop_is_failure()
    try:
        cli()
    except SetupProblem as problem:
        print(f"scrip: {problem}", file=sys.stderr)
        sys.exit(1)
    except DatabaseAway:  # why, the log has said
        print(
            "scrip: The database cannot be reached. Work done so far is kept; run the command again.", file=sys.stderr
        )
        sys.exit(1)
