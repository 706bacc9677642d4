"""Exit status 1 where the models have moved on since the last migration: `make check` runs it, on no database."""

import asyncio
import json
import sys

from aerich import Command
from aerich.migrate import Migrate
from aerich.utils import get_models_describe

from app.postgres.database import APP_LABEL, LOCATION, TORTOISE_ORM


async def drift() -> list[str]:
    """The models that differ from those that the last migration left, by name."""
    command = Command(TORTOISE_ORM, app=APP_LABEL, location=str(LOCATION))
    await command.init(offline=True)
    before = Migrate._last_version_content or {}  # noqa: SLF001 (aerich has no other way to ask, and its `migrate` writes a file)
    now = json.loads(json.dumps(get_models_describe(APP_LABEL), default=str))
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


if __name__ == "__main__":
    changed = asyncio.run(drift())
    if changed:
        sys.exit(f"Without a migration: {', '.join(changed)}. See the comment in migrations/__init__.py.")
