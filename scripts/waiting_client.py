"""Makes the Python client that waits of the one for asyncio: python -m scripts.waiting_client

clients/python/scrip_client/client.py is written anew. A test asks whether it is what this makes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import unasync

PACKAGE: Final = Path(__file__).parents[1] / "clients/python/scrip_client"
SOURCE: Final = PACKAGE / "asynchronous.py"
MADE: Final = PACKAGE / "client.py"
NAMES: Final = {"AsyncScrip": "Scrip", "wait_async": "wait_sync"}
"""Names that are others there, beside those that every such pair has, such as AsyncIterator and Iterator."""
TIDIED: Final = "I,F811,UP028"
"""Changes that ruff makes: imports that come twice, and rows that are yielded one by one."""
LIMIT_S: Final = 60


def made() -> str:
    """The text of the client that waits, in the formatter's form."""
    with tempfile.TemporaryDirectory() as folder:
        awaited, waiting = Path(folder, "awaited"), Path(folder, "waiting")
        awaited.mkdir()
        # Its own docstring names both.
        head, docstring, rest = SOURCE.read_text(encoding="utf-8").split('"""', 2)
        (awaited / MADE.name).write_text(rest.lstrip("\n"), encoding="utf-8")
        rule = unasync.Rule(f"{awaited}/", f"{waiting}/", additional_replacements=NAMES)
        unasync.unasync_files([str(awaited / MADE.name)], [rule])
        rest = (waiting / MADE.name).read_text(encoding="utf-8")
    text = f'{head}"""{docstring}"""\n\n{rest}'
    for command in (["check", "--fix-only", "--unsafe-fixes", "--select", TIDIED], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", str(MADE), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout
    return text


if __name__ == "__main__":
    MADE.write_text(made(), encoding="utf-8")
