"""The Python file through which aerich runs a step, for each step in SQL that has none yet. `make database` writes them."""

import re
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Final

MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"
RUNNER: Final = '''\
"""{title}"""

from tortoise import BaseDBAsyncClient

from migrations.steps import sql

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return sql("{step}")


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Nothing: going back would drop the books. aerich answers "No downgrade items found"."""
    return ""
'''
CONCURRENT: Final = (
    RUNNER.replace("import sql", "import one_by_one")
    .replace('return sql("{step}")', 'return await one_by_one(db, "{step}")')
    .replace("IN_TRANSACTION = True", "IN_TRANSACTION = False")
)
"""For a step that makes or drops indexes CONCURRENTLY, which no transaction may do."""


def runner_of(text: str) -> str:
    """The form of the file that runs a step of this SQL."""
    return CONCURRENT if re.search(r"^(?!--).*\bCONCURRENTLY\b", text, re.MULTILINE) else RUNNER


def write_missing(migrations: Path, now: datetime) -> list[Path]:
    """Write them, named after the step and the time. Returns the files that were written."""
    there = {re.sub(r"_\d{14}_", "_", path.stem, count=1) for path in (migrations / "models").glob("[0-9]*_*.py")}
    written = []
    for path in sorted((migrations / "sql").iterdir()):
        if path.stem in there:
            continue
        number, _, name = path.stem.partition("_")
        runner = migrations / "models" / f"{number}_{now:%Y%m%d%H%M%S}_{name}.py"
        files = sorted(path.glob("*.sql")) if path.is_dir() else [path]
        form = runner_of("\n".join(file.read_text("utf-8") for file in files))
        runner.write_text(form.format(title=_title(path), step=path.stem), "utf-8")
        written.append(runner)
    return written


def _title(path: Path) -> str:
    """The step's first sentence, from the comment at its top; of a folder, or without a comment, its name in words."""
    comment = (
        [] if path.is_dir() else takewhile(lambda line: line.startswith("--"), path.read_text("utf-8").splitlines())
    )
    said = " ".join(line.removeprefix("--").strip() for line in comment)
    return re.split(r"[.:] ", said)[0].removesuffix(".") + "." if said else _in_words(path)


def _in_words(path: Path) -> str:
    return path.stem.partition("_")[2].replace("_", " ").capitalize() + "."


if __name__ == "__main__":
    for runner in write_missing(MIGRATIONS, datetime.now(UTC)):
        print(f"migrations/models/{runner.name}")  # noqa: T201 - what it has done
