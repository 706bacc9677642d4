"""This machine: room on its disk, open files, and settings that do not go together on several processes."""

import os
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Final

from app.finding import Finding, fault, ok, warning
from app.settings import Settings

LITTLE_ROOM: Final = 2 * 1024**3
NO_ROOM: Final = 200 * 1024**2
"""Bytes: files that come in are kept beside until they are read."""


def look_at_machine(settings: Settings) -> list[Finding]:
    """Findings of this machine."""
    return [*_disk(settings), _files(settings), *_processes(settings), *_places(settings)]


def _disk(settings: Settings) -> list[Finding]:
    folders = {Path(tempfile.gettempdir())}
    if settings.app_url is None and settings.data_dir.exists():
        folders.add(settings.data_dir)
    findings = []
    for folder in sorted(folders):
        free = shutil.disk_usage(folder).free
        message = f"{free / 1024**3:,.1f} GB are free in {folder}."
        if free < NO_ROOM:
            findings.append(fault("disk", message, "Make room."))
        elif free < LITTLE_ROOM:
            findings.append(warning("disk", message, "Make room before it is full."))
        else:
            findings.append(ok("disk", message))
    return findings


def _files(settings: Settings) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < settings.max_connections + 100:
        return warning(
            "open files",
            f"A process may open {hard:,}, and SCRIP_MAX_CONNECTIONS is {settings.max_connections:,}.",
            "Raise the limit (LimitNOFILE= of systemd, ulimit -n), or lower SCRIP_MAX_CONNECTIONS.",
        )
    return ok("open files", "There may be as many as connections.")


def _places(settings: Settings) -> list[Finding]:
    """Findings of the folders that metrics are kept in, and of the port for those of the jobs."""
    findings = []
    for name, folder in (
        ("SCRIP_METRICS_DIR", settings.metrics_dir and _nearest(settings.metrics_dir)),
        ("SCRIP_VERIFY_METRICS", settings.verify_metrics and settings.verify_metrics.parent),
    ):
        if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            todo = "Make it, and let this user write there."
            findings.append(fault("metrics", f"{name}: {folder} is no folder that can be written to.", todo))
    if settings.work_port is not None and settings.work_port == settings.port:
        todo = "Set another one, where the server and scrip work run on one machine."
        findings.append(warning("metrics", f"SCRIP_WORK_PORT and SCRIP_PORT are both {settings.port}.", todo))
    return findings


def _nearest(folder: Path) -> Path:
    """The folder itself, or what is there of the way to it: the server makes the rest."""
    return next((each for each in (folder, *folder.absolute().parents) if each.exists()), folder)


def _processes(settings: Settings) -> list[Finding]:
    if (
        settings.workers > 1
        and settings.rate_limit_url.get_secret_value() == "memory://"
        and settings.rate_limit != "0"
    ):
        return [
            warning(
                "rate limit",
                f"Each of {settings.workers} processes counts for itself, so that {settings.workers} times as much passes.",
                "Set SCRIP_RATE_LIMIT_URL to a Redis that all of them share.",
            )
        ]
    return []
