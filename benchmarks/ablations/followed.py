"""The same server, for which every tenant's feed is followed somewhere: it tells of whatever it writes."""

from models.signals import Hints


def apply() -> None:
    """Put it in the hint's place: the pool gets the method when the server starts."""
    Hints.note = Hints.hear  # type: ignore[method-assign]
