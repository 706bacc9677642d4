"""The same server, which knows of no limit: no rule is looked at, no counter read, locked or raised."""

from typing import Any

from models.planning import limits


def no_rule(*_: Any) -> None:
    """Binds nobody."""


def apply() -> None:
    """Put it in the rule's place. Planning and loading look it up when they are called."""
    if not hasattr(limits, "rule_for"):
        raise RuntimeError("models.planning.limits finds its rules by another name now")
    limits.rule_for = no_rule  # type: ignore[assignment]
