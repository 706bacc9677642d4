"""One attack, in a process of its own so that its work delays nobody's clock: python -m benchmarks.attacks AIM.json"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.attacks import ATTACKS, Aim, Big


async def main(given: dict[str, Any]) -> None:
    name, big = given.pop("name"), Big(**given.pop("big"))
    aim = Aim(big=big, **given)
    await ATTACKS[name](aim)
    print(", ".join(f"{number} × {what}" for what, number in aim.answers.most_common()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
