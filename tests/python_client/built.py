"""The Python client as it is installed: from its wheel, in an environment of its own."""

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LIMIT_S: Final = 300
LIBRARIES: Final = next(path for path in sys.path if path.endswith("site-packages"))
"""httpx, which the client needs: that of the environment that runs the tests."""


@dataclass(frozen=True)
class Installed:
    """python: that of its environment. package: where it is."""

    python: Path
    package: Path


def install(folder: Path) -> Installed:
    """Build the wheel and install it, in the folder."""
    wheel = folder / built_wheel(folder)
    venv.create(folder / "shop", with_pip=False)
    python = folder / "shop" / "bin" / "python"
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python, "install"]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*pip, *options, wheel], timeout=LIMIT_S, check=True)
    (package,) = (folder / "shop" / "lib").glob("python*/site-packages/scrip_client")
    return Installed(python, package)


def built_wheel(folder: Path) -> str:
    """The name of the wheel, which is in the folder by then."""
    command: list[str | Path] = ["/bin/sh", "scripts/python_client.sh", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.strip()).name
