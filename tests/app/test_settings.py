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


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h1:5432,h2:5433/d?target_session_attrs=read-write",
        "postgresql://u:p,q@h1,h2:5433/d",
        "postgresql://u:p@[::1]:5432,[fe80::2]:5433/d",
        "postgresql://u@/d?host=/run/a,/run/b&port=5432,5433",
    ],
)
def test_several_hosts_can_be_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert load_settings().app_url == url


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("SCRIP_PORT", "")
    assert load_settings().app_url is None
    assert load_settings().port == 8000


def test_origins_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().cors_origins == ()
    monkeypatch.setenv("SCRIP_CORS_ORIGINS", " https://shop.example,http://localhost:5173 ,, https://shop.example,")
    assert load_settings().cors_origins == ("https://shop.example", "http://localhost:5173")
    monkeypatch.setenv("SCRIP_CORS_ORIGINS", "*")
    assert load_settings().cors_origins == ("*",)


def test_pages_are_the_sample_s_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_settings().has_pages
    monkeypatch.setenv("SCRIP_SAMPLE", "true")
    assert load_settings().has_pages
    monkeypatch.setenv("SCRIP_PAGES", "false")
    assert not load_settings().has_pages


@pytest.mark.parametrize(
    ("variables", "answer"),
    [
        ({"SCRIP_PORT": "http"}, "SCRIP_PORT: Input should be a valid integer"),
        ({"SCRIP_PORT": "70000"}, "SCRIP_PORT: Input should be less than or equal to 65535"),
        ({"SCRIP_WORKERS": "0"}, "SCRIP_WORKERS: Input should be greater than or equal to 1"),
        (
            {"SCRIP_CORS_ORIGINS": "https://shop.example/"},
            "SCRIP_CORS_ORIGINS: must be origins like https://shop.example",
        ),
        ({"SCRIP_CORS_ORIGINS": "shop.example"}, "SCRIP_CORS_ORIGINS: must be origins"),
        ({"SCRIP_TRUSTED_PROXIES": "proxy.example"}, "SCRIP_TRUSTED_PROXIES: must be addresses"),
        ({"SCRIP_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.1/8"}, "SCRIP_TRUSTED_PROXIES: must be addresses"),
        ({"SCRIP_TRUSTED_PROXIES": "127.0.0.1,*"}, "SCRIP_TRUSTED_PROXIES: must be addresses"),
        ({"SCRIP_CORS_ORIGINS": "https://Shop.example"}, "SCRIP_CORS_ORIGINS: must be origins"),
        ({"SCRIP_CORS_ORIGINS": "https://shop.example:443"}, "SCRIP_CORS_ORIGINS: must be origins"),
        ({"SCRIP_CORS_ORIGINS": "https://shop.example:x"}, "SCRIP_CORS_ORIGINS: must be origins"),
        ({"SCRIP_CORS_ORIGINS": "https://u:hunter2@shop.example"}, "SCRIP_CORS_ORIGINS: must be origins"),
        ({"SCRIP_CORS_ORIGINS": "https://*.shop.example, null"}, "SCRIP_CORS_ORIGINS: must be origins"),
        ({"SCRIP_CORS_ORIGINS": "*, https://shop.example"}, "SCRIP_CORS_ORIGINS: has * beside other origins"),
        ({"SCRIP_INTROSPECTION": "perhaps"}, "SCRIP_INTROSPECTION: Input should be a valid boolean"),
        ({"SCRIP_READ_TIMEOUT": "0"}, "SCRIP_READ_TIMEOUT: Input should be greater than 0"),
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
        ({"DATABASE_URL": "postgresql://u:hunter2@h1:5432,h2:x/d"}, "DATABASE_URL: has characters such as"),
        ({"DATABASE_URL": "postgresql://u:hunter2@h1:5432,h2:70000/d"}, "HOST:PORT,HOST:PORT"),
        ({"DATABASE_URL": "postgresql://u:hunter2:x@y,h2/d@e"}, "DATABASE_URL: has characters such as"),
        (
            {"DATABASE_URL": "postgresql://h1,h2/d?target_session_attrs=writable"},
            "DATABASE_URL: has another target_session_attrs than any, read-write",
        ),
        ({"SCRIP_DATABASE_STATEMENT_CACHE": "-1"}, "SCRIP_DATABASE_STATEMENT_CACHE: Input should be greater"),
        ({"SCRIP_CLAIM_ROLE": "-"}, "SCRIP_CLAIM_ROLE: cannot be -"),
        ({"SCRIP_CLAIM_NAME": "a..b"}, "SCRIP_CLAIM_NAME: must be names with dots"),
        ({"SCRIP_ROLE_VALUES": "boss=king"}, "SCRIP_ROLE_VALUES: has 'king' on a right side; there are: admin"),
        ({"SCRIP_TENANT_VALUES": "acme"}, "SCRIP_TENANT_VALUES: must be of the form theirs=ours"),
        ({"SCRIP_SCOPE_VALUES": "Read=everything"}, "SCRIP_SCOPE_VALUES: has 'everything'"),
        ({"SCRIP_TOKEN_TYPES": "JWT;x y"}, "SCRIP_TOKEN_TYPES: must be types of tokens"),
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


@pytest.mark.parametrize("proxies", ["*", "::1", "127.0.0.1, 10.0.0.0/8,fd00::/8"])
def test_proxies_are_named_by_address_or_network(monkeypatch: pytest.MonkeyPatch, proxies: str) -> None:
    monkeypatch.setenv("SCRIP_TRUSTED_PROXIES", proxies)
    assert load_settings().trusted_proxies == proxies
