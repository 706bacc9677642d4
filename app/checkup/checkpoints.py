"""Checkpoints: whether somebody signs them, and whether they are kept where the owner of the database is not."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app.finding import Finding, fault, ok, warning
from app.notary import is_url, notary_keys
from app.problems import SetupProblem
from app.settings import Settings

PART: Final = "checkpoints"
_PAGE: Final = "docs/proof.md#checkpoints"
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1", "", None})


def look_at_checkpoints(settings: Settings) -> list[Finding]:
    """Findings of the keys and of the place."""
    try:
        keys = notary_keys(settings)
    except SetupProblem as problem:
        return [fault(PART, str(problem), f"{_PAGE} has what belongs there.")]
    if keys is None:
        todo = f"Set SCRIP_CHECKPOINT_KEYS where scrip work runs: {_PAGE}."
        told = "None are made, so that nothing shows if the database's owner rewrites the books whole."
        return [warning(PART, told, todo)]
    if not keys.signing:
        return [ok(PART, f"{len(keys.trusted)} public keys are there to check with; none are made here.")]
    findings = [*_file(settings.checkpoint_keys), *_place(settings)]
    return findings or [ok(PART, f"They are signed by {', '.join(key.name for key in keys.signing)}.")]


def _file(file: Path | None) -> list[Finding]:
    if file is None or not file.stat().st_mode & 0o077:
        return []
    return [warning(PART, f"Others on this machine may read the private key in {file}.", f"chmod 600 {file}")]


def _place(settings: Settings) -> list[Finding]:
    findings = []
    if settings.app_url is not None and urlsplit(settings.app_url).hostname in _HERE:
        told = "The key is on the database's own machine: who can rewrite the books can sign them as well."
        findings.append(warning(PART, told, "Run scrip work, with the key, on another machine."))
    if settings.checkpoints_to is None:
        told = "They are kept in the database alone, where its owner can rewrite them."
        findings.append(warning(PART, told, "Set SCRIP_CHECKPOINTS_TO to a folder or a URL elsewhere."))
        return findings
    place = settings.checkpoints_to.get_secret_value()
    if not is_url(place) and not os.access(place, os.W_OK | os.X_OK):
        told = f"SCRIP_CHECKPOINTS_TO: {place} is no folder that can be written to."
        findings.append(fault(PART, told, "Make it, and let this user write there."))
    return findings
