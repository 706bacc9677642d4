"""`scrip doctor`: looks at all that a deployment needs, and says of each part whether it is as it should be."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import orjson
import typer

from app.checkup import Finding, State, checkup

_MARKS = {State.OK: "ok", State.WARNING: "warning", State.FAULT: "FAULT"}


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print an object, for programs.")] = False,
) -> None:
    """Check settings, keys, database, roles, clock, disk. Exit status 1 if there is a fault; warnings are none."""
    findings = asyncio.run(checkup())
    worst = max((finding.state for finding in findings), key=list(State).index)
    if as_json:
        listed = [{"part": f.part, "state": f.state.value, "message": f.message, "todo": f.todo} for f in findings]
        print(orjson.dumps({"state": worst.value, "findings": listed}, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in report(findings):
            print(line)
    if worst is State.FAULT:
        raise typer.Exit(1)


def report(findings: Sequence[Finding]) -> list[str]:
    """A line for each, and another for what to do."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.state]:<8} {finding.part:<12} {finding.message}")
        if finding.todo:
            lines.append(f"{'':<21} {finding.todo}")
    return lines
