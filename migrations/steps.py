"""The SQL of the steps, from its files."""

from pathlib import Path
from typing import Final

__all__ = ["sql"]

_FOLDER: Final = Path(__file__).parent / "sql"


def sql(step: str) -> str:
    """The text of `sql/<step>.sql`, or of the files in the folder `sql/<step>/`, joined in the order of their names.

    Raises FileNotFoundError if there is neither.
    """
    if (folder := _FOLDER / step).is_dir():
        return "\n".join(file.read_text("utf-8") for file in sorted(folder.glob("*.sql")))
    return (_FOLDER / f"{step}.sql").read_text("utf-8")
