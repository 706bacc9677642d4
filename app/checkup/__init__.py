"""A look at all that a deployment needs: settings, keys, database, roles, clock, disk. Changes nothing."""

from app.checkup.checkpoints import look_at_checkpoints
from app.checkup.counts import look_at_counts
from app.checkup.keys import look_at_keys
from app.checkup.machine import look_at_machine
from app.finding import Finding, State, fault, ok, warning
from app.postgres.checkup import look_at_database
from app.postgres.embedded import running_server
from app.problems import SetupProblem
from app.settings import load_settings

__all__ = ["Finding", "State", "checkup"]


async def checkup() -> list[Finding]:
    """Look at each part. A part that cannot be looked at is a fault of its own, and the rest is looked at all the same."""
    try:
        settings = load_settings()
    except SetupProblem as problem:
        return [
            fault("settings", line, "Correct it: docs/settings.md has them all.") for line in str(problem).split("\n")
        ]
    findings = [ok("settings", "All of them can be read.")]
    findings += await look_at_keys(settings)
    findings += look_at_machine(settings)
    findings += await look_at_counts(settings)
    findings += look_at_checkpoints(settings)
    url = settings.app_url
    if url is None:
        running = running_server(settings.data_dir)
        todo = "For production, set DATABASE_URL to a PostgreSQL of your own."
        if running is None:
            return [
                *findings,
                fault("database", "DATABASE_URL is not set, and no `scrip run` is under way here.", todo),
            ]
        findings.append(warning("database", "This is the one that `scrip run` brings.", todo))
        url = running.app
    return [*findings, *await look_at_database(settings, url)]
