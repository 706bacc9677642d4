"""Write the models as they are now into the newest migration step, which is what `make check` compares them with."""

import asyncio

from aerich import Command
from aerich.utils import get_formatted_compressed_data, get_models_describe

from app.postgres.database import APP_LABEL, LOCATION, TORTOISE_ORM

ROW_CHARACTERS = 118


async def write() -> None:
    """Replace the newest step's MODELS_STATE."""
    await Command(TORTOISE_ORM, app=APP_LABEL, location=str(LOCATION)).init(offline=True)
    steps = (LOCATION / APP_LABEL).glob("[0-9]*_*.py")
    newest = max(steps, key=lambda path: int(path.name.split("_")[0]))
    state = get_formatted_compressed_data(get_models_describe(APP_LABEL), ROW_CHARACTERS)
    text = newest.read_text()
    head = text[: text.index("MODELS_STATE = (")]
    newest.write_text(f"{head}MODELS_STATE = (\n    {state}\n)\n")


if __name__ == "__main__":
    asyncio.run(write())
