"""What the environment may say, and what is answered to nonsense."""

from pathlib import Path

import pytest

from app.problems import SetupProblem
from app.settings import load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of ours in the environment, whatever the machine has there."""
    for name in ("DATABASE_URL", "SCRIP_MIGRATION_DATABASE_URL", "SCRIP_PORT", "SCRIP_JWT_SECRET", "SCRIP_JWKS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path(".scrip"))
    assert settings.app_url is None
    assert settings.owner_url is None


def test_the_owners_url_defaults_to_the_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:hunter1@db/scrip")
    assert load_settings().owner_url == "postgresql://app:hunter1@db/scrip"
    monkeypatch.setenv("SCRIP_MIGRATION_DATABASE_URL", "postgres://owner:hunter2@db/scrip")
    settings = load_settings()
    assert (settings.app_url, settings.owner_url) == (
        "postgresql://app:hunter1@db/scrip",
        "postgres://owner:hunter2@db/scrip",
    )
    assert "hunter" not in repr(settings)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("SCRIP_PORT", "")
    assert load_settings().app_url is None
    assert load_settings().port == 8000


@pytest.mark.parametrize(
    ("variables", "answer"),
    [
        ({"SCRIP_PORT": "http"}, "SCRIP_PORT: Input should be a valid integer"),
        ({"SCRIP_PORT": "70000"}, "SCRIP_PORT: Input should be less than or equal to 65535"),
        ({"SCRIP_WORKERS": "0"}, "SCRIP_WORKERS: Input should be greater than or equal to 1"),
        ({"SCRIP_LOG_LEVEL": "loud"}, "SCRIP_LOG_LEVEL: Input should be 'debug', 'info'"),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "DATABASE_URL: must be of the form postgresql://"),
        (
            {"DATABASE_URL": "postgresql://h/d", "SCRIP_MIGRATION_DATABASE_URL": "hunter2"},
            "SCRIP_MIGRATION_DATABASE_URL: must be of the form postgresql://",
        ),
        (
            {"SCRIP_JWT_SECRET": "hunter2", "SCRIP_JWKS_URL": "https://keys.example"},
            "SCRIP_JWT_SECRET and SCRIP_JWKS_URL: set only one of them",
        ),
        ({"SCRIP_DATABASE_POOL_MIN": "11"}, "SCRIP_DATABASE_POOL_MIN is more than SCRIP_DATABASE_POOL_MAX"),
        ({"SCRIP_MIGRATION_DATABASE_URL": "postgresql://h/d"}, "DATABASE_URL is not"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], answer: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SetupProblem) as problem:
        load_settings()
    message = str(problem.value)
    assert answer in message
    assert "\n" not in message
    assert "hunter2" not in message
