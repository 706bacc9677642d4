"""Runs a tutorial as its reader would, from an empty folder: python tests/docs/tutorials.py PAGE FOLDER [OLD=NEW…]

A block below `<!-- file: NAME -->` is written to that file; below `<!-- more: NAME -->` it is added to its end. Blocks of
`sh` are typed into one shell, in their order; a block of `text` right below one is what that prints, `…` standing for
anything. Blocks below `<!-- elsewhere: … -->` are done by whoever runs this. OLD=NEW replaces an address or a name that
another one has here. It needs nothing but Python.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LIMIT_S: Final = 300
_BLOCK: Final = re.compile(
    r"^(?:<!-- (?P<mark>file|more|elsewhere): (?P<what>[^\n]+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Failed(Exception):
    """A command of the tutorial failed, or printed something else."""


@dataclass(frozen=True)
class Step:
    """mark: file, more or elsewhere. what: the file's name, or who does it."""

    line: int
    language: str
    text: str
    mark: str | None
    what: str | None


def steps(page: str) -> list[Step]:
    """The blocks of a page, in their order."""
    return [
        Step(
            page.count("\n", 0, found.start("language")) + 1,
            found["language"],
            found["text"],
            found["mark"],
            found["what"],
        )
        for found in _BLOCK.finditer(page)
    ]


def prints(shown: str, printed: str) -> bool:
    """Whether the lines that are shown came, in their order and with nothing between them."""
    pattern = r"\n".join(re.escape(line).replace("…", ".*") for line in shown.rstrip("\n").splitlines())
    return re.search(rf"^{pattern}$", printed, re.MULTILINE) is not None


class Reader:
    """Somebody who does what a tutorial says. replaced: see the module. environment: of the shell."""

    def __init__(self, folder: Path, replaced: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._replaced = replaced
        self._environment = dict(environment)
        self._place = folder

    def read(self, page: str) -> None:
        """Do all of it. Raises Failed."""
        printed: str | None = None
        for step in steps(page):
            text = self._here(step.text)
            if step.mark in ("file", "more"):
                self._write(self._here(step.what or ""), text, more=step.mark == "more")
            elif step.language == "text":
                if printed is None or not prints(text, printed):
                    raise Failed(f"line {step.line}: shown\n{text}\nprinted\n{printed}")
            elif step.mark is None and step.language == "sh":
                printed = self._type(step, text)
                continue
            elif step.mark is None:
                raise Failed(f"line {step.line}: nobody does anything with this {step.language}")
            printed = None

    def _here(self, text: str) -> str:
        for old, new in self._replaced.items():
            text = text.replace(old, new)
        return text

    def _write(self, name: str, text: str, *, more: bool) -> None:
        path = self._place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if more else "") + text)

    def _type(self, step: Step, text: str) -> str:
        """What the commands print. The shell's folder and variables are those of the next block."""
        state, place = self._folder / ".state", self._folder / ".place"
        kept = f"export -p > {shlex.quote(str(state))}; pwd > {shlex.quote(str(place))}"
        before = f". {shlex.quote(str(state))}\n" if state.exists() else ""
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", f"{before}{text}\n{kept}"],
            cwd=self._place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"line {step.line}:\n{text}\n{done.stdout}")
        self._place = Path(place.read_text().strip())
        return done.stdout


def pairs(arguments: list[str]) -> Iterator[tuple[str, str]]:
    """OLD=NEW, each."""
    for argument in arguments:
        old, _, new = argument.partition("=")
        yield old, new


def main() -> int:
    """Run one, in this process's environment. Returns the exit status."""
    page, folder, *replaced = sys.argv[1:]
    try:
        Reader(Path(folder), dict(pairs(replaced)), os.environ).read((ROOT / page).read_text())
    except Failed as error:
        sys.stderr.write(f"{page}, {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
