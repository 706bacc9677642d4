"""Turns itself into one of PostgreSQL's programs:

    python -I -S launch.py PARENT UID GID FOLDER PROGRAM [ARG…]

A program of its own, not a `preexec_fn`, because that is unsafe once the starting process has threads. It uses
nothing but the standard library and runs without site-packages, since it may drop to an account that cannot read them.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From Linux's `prctl.h`."""

FOLDER_NUMBER = 9
"""The file descriptor by which the program has FOLDER, beside its working folder."""

EXIT_UNREACHABLE = 126
"""A shell's exit status, too, for a program that exists but that this account may not run."""


def stop_with_parent(parent: int, number: int) -> None:
    """On Linux, let the kernel send signal `number` to this process when the one that started it dies.

    It survives `exec`, and works for `kill -9` too. Elsewhere it does nothing: the next start clears up.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        sys.exit("the process that asked for PostgreSQL is gone")


def main(arguments: list[str]) -> None:
    """Enter FOLDER with the rights we came with, drop to UID and GID, and become PROGRAM."""
    parent, uid, gid, folder, *command = arguments
    os.chdir(folder)
    os.dup2(os.open(".", os.O_RDONLY | os.O_DIRECTORY), FOLDER_NUMBER)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    stop_with_parent(int(parent), signal.SIGINT)
    try:
        os.execv(command[0], command)  # noqa: S606 (there is nothing for a shell to do)
    except PermissionError as error:
        print(error, file=sys.stderr)  # noqa: T201 (the starting process reads it)
        sys.exit(EXIT_UNREACHABLE)


if __name__ == "__main__":
    main(sys.argv[1:])
