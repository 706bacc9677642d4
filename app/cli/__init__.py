"""The command line: one file per command; here the parts common to them."""

import signal
import sys
from types import FrameType

import typer

from app.cli.backup import backup_command, restore_command
from app.cli.checkpoint import checkpoint_commands
from app.cli.doctor import doctor_command
from app.cli.documents import documents_command
from app.cli.import_command import import_commands
from app.cli.migrate import migrate_command
from app.cli.run import run_command
from app.cli.sdl import sdl_command
from app.cli.serve import serve_command
from app.cli.tenant import tenant_commands
from app.cli.token import token_command
from app.cli.verify import verify_command
from app.cli.work import work_command
from app.problems import SetupProblem
from models.errors import DatabaseAway

cli = typer.Typer(
    name="scrip",
    help="Scrip: a ledger of what a business owes its customers, behind one GraphQL API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command("run")(run_command)
cli.command("serve")(serve_command)
cli.command("migrate")(migrate_command)
cli.command("doctor")(doctor_command)
cli.command("token")(token_command)
cli.command("work")(work_command)
cli.command("verify")(verify_command)
cli.command("backup")(backup_command)
cli.command("restore")(restore_command)
cli.command("sdl")(sdl_command)
cli.command("documents")(documents_command)
cli.add_typer(checkpoint_commands, name="checkpoint")
cli.add_typer(import_commands, name="import")
cli.add_typer(tenant_commands, name="tenant")


def main() -> None:
    """Run the command that was typed. A problem of set-up is reported in a line or two, not as a traceback."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
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


def _leave(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl-C: everything started is stopped on the way out."""
    sys.exit(0)
