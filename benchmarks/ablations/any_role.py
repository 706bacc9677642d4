"""The same server, which serves as any role: for one that row security does not bind."""

import app.cli.serve


def apply() -> None:
    """Put it in the check's place. The command looks it up when it is called."""
    if not hasattr(app.cli.serve, "check_role"):
        raise RuntimeError("app.cli.serve checks its role by another name now")
    app.cli.serve.check_role = _trusted


async def _trusted(*_: object) -> None:
    pass
