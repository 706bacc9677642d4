"""Settings from outside. Their names are the environment's variables; nothing else in the project reads it."""

import ipaddress
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.http.cors import parse_headers, parse_origins
from app.problems import SetupProblem
from auth.claim_map import ROLE_NAMES, SCOPE_NAMES, parse_path, parse_types, parse_values
from auth.tokens import TOKEN_TYPES
from models.sources import MAX_SKEW
from models.webhooks import MIN_KEY_BYTES, Network

MAX_PORT: Final = 65_535
MAX_WEBHOOK_KEYS: Final = 10
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:,]*)(:(\d{1,5})?)?", re.ASCII)
_SERVERS: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
"""Values of target_session_attrs, as PostgreSQL's own clients have them."""


def _database_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError(
            "must be of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE; several hosts are HOST:PORT,HOST:PORT"
        )
    if not _parted_as_meant(url):
        raise ValueError(
            "has characters such as / ? # @ : [ in it that have to be percent-encoded in a password, or a port that is no "
            "number; several hosts are HOST:PORT,HOST:PORT"
        )
    asked = parse_qs(urlsplit(url).query).get("target_session_attrs", ["any"])
    if asked[-1] not in _SERVERS:
        raise ValueError(f"has another target_session_attrs than {', '.join(_SERVERS)}")
    return value


def _parted_as_meant(url: str) -> bool:
    """Whether no part of a password ends up in another part of the URL: others are shown in messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not all((found := _HOST_AND_PORT.fullmatch(host)) and int(found[3] or 0) <= MAX_PORT for host in hosts):
        return False
    query = "" if "@" in parts.netloc else parts.query
    return parts.netloc.count("@") <= 1 and not parts.fragment and "@" not in parts.path + query


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Origins = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(lambda value: parse_origins(value) if isinstance(value, str) else value)
]


def _proxies(value: str) -> str:
    """Check the proxies: the server silently treats an entry that it cannot parse as a host name that matches no proxy."""
    try:
        for one in value.split(",") if value != "*" else ():
            ipaddress.ip_network(one.strip())
    except ValueError:
        raise ValueError("must be addresses and networks like 10.0.0.0/8, separated by commas, or *") from None
    return value


Proxies = Annotated[str, AfterValidator(_proxies)]


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(one.strip()) for one in value.split(","))
    except ValueError:
        raise ValueError("must be networks like 10.0.0.0/8, separated by commas") from None


def _webhook_keys(value: SecretStr) -> SecretStr:
    keys = value.get_secret_value().split(",")
    if any(len(key.strip().encode()) < MIN_KEY_BYTES for key in keys):
        raise ValueError(f"has a key of fewer than {MIN_KEY_BYTES} bytes; several are separated by commas")
    if len(keys) > MAX_WEBHOOK_KEYS:
        raise ValueError(f"has more than {MAX_WEBHOOK_KEYS} keys")
    return value


WebhookKeys = Annotated[SecretStr, AfterValidator(_webhook_keys)]


def _read(read: Callable[[str], object]) -> BeforeValidator:
    """Read what is a text, as the environment has it; anything else is as it is meant already."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


Networks = Annotated[tuple[Network, ...], NoDecode, _read(_networks)]
HeaderNames = Annotated[tuple[str, ...], NoDecode, _read(parse_headers)]
ClaimPath = Annotated[tuple[str, ...], NoDecode, _read(parse_path)]
NeededClaimPath = Annotated[tuple[str, ...], NoDecode, _read(partial(parse_path, required=True))]
TenantValues = Annotated[dict[str, str], NoDecode, _read(parse_values)]
RoleValues = Annotated[dict[str, str], NoDecode, _read(partial(parse_values, known=ROLE_NAMES))]
ScopeValues = Annotated[dict[str, str], NoDecode, _read(partial(parse_values, known=SCOPE_NAMES))]
TokenTypes = Annotated[frozenset[str], NoDecode, _read(parse_types)]


class Settings(BaseSettings):
    """The environment, checked. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix="SCRIP_", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    database_url: DatabaseUrl | None = Field(default=None, validation_alias="DATABASE_URL")
    """As the app's role. Without it, `scrip run` starts a PostgreSQL of its own."""
    migration_database_url: DatabaseUrl | None = None
    """As the owner of the tables. The same as database_url if it is not set."""
    backup_database_url: DatabaseUrl | None = None
    """As a role that reads every row and writes none, for `scrip backup`."""
    database_pool_min: int = Field(default=2, ge=0, le=1000)
    database_pool_max: int = Field(default=10, ge=1, le=1000)
    """Connections per worker process."""
    database_statement_cache: int = Field(default=100, ge=0, le=10_000)
    """Prepared statements that each connection keeps. 0 for a pooler by transaction that knows none (PgBouncer before 1.21):
    statements are then parsed each time."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    """0 takes any that is free."""
    data_dir: Path = Path(".scrip")
    """Of the embedded PostgreSQL, and of the token secret that is made for it."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that serve requests."""
    worker_timeout: int = Field(default=60, ge=5, le=3600)
    """Seconds that one of several workers may be silent, and take to start, before it is taken for hung, killed and
    replaced. If many share one core, importing alone takes each of them longer than uvicorn's 5."""
    run_jobs: bool = False
    """Whether these processes run the jobs of `scrip work` as well. `scrip run` says so, unless it is set."""
    sample: bool = False
    """Whether this is the sample that `scrip run` sets up, whose front page gives tokens away."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    """json: an object a line, and one for each request (app/http/request_log.py)."""
    trusted_proxies: Proxies = "127.0.0.1"
    """Proxies trusted on where a request comes from (X-Forwarded-For, -Proto): addresses and networks, by commas."""
    cors_origins: Origins = ()
    """Pages of these origins may call the API from a browser. With none, only those of its own origin can; in the sample,
    those of any server on the same machine."""
    cors_headers: HeaderNames = ()
    """Request headers that such pages may send besides those that their libraries send by themselves; * for any."""
    introspection: bool = True
    """Whether clients may read the schema. It is no secret (schema.graphql), and tools live off it; if it is off,
    errors suggest no names either."""
    compiled_execution: bool = True
    """Whether an operation that comes again is compiled (docs/adr/0039). If not, graphql-core executes all; the answers
    are the same."""
    pages: bool | None = None
    """Whether there are a page of examples and an IDE. Not set: in the sample alone, since tokens are typed into them."""
    console: bool | None = None
    """Whether there is the console. Not set: in the sample alone."""
    console_issuer: str | None = None
    """The identity provider that people sign in to the console with, by its URL."""
    console_client_id: str | None = None
    """The console's client there: a public one, with code and PKCE."""
    console_scope: str = "openid profile"
    console_origins: Origins = ()
    """Origins that the console asks beside the issuer's own, where the provider has its tokens elsewhere."""
    metrics: bool = True
    """Whether there is /metrics. It counts for all tenants together and names none."""
    metrics_dir: Path | None = None
    """A folder in which the processes of one machine count together. Not set: several workers of one server have one of
    their own while they run."""
    verify_metrics: Path | None = None
    """A file: `scrip verify` leaves there what it found, and /metrics shows it."""
    checkpoint_keys: Path | None = None
    """A file with the keys that sign checkpoints, and public ones that did so before. Not set: none are made."""
    checkpoints_to: SecretStr | None = None
    """A folder, or a URL to PUT beneath, where the owner of the database cannot change them."""
    checkpoint_every: float = Field(default=3600, ge=60, le=7 * 86_400)
    """Seconds between a tenant's checkpoints, where something has happened."""
    work_port: int | None = Field(default=None, ge=0, le=MAX_PORT)
    """The port at which `scrip work` shows health and metrics. Not set: it shows none."""
    telemetry: bool = False
    """Whether traces are sent, by OpenTelemetry's own settings (OTEL_…)."""
    drain: float = Field(default=2, ge=0, le=25)
    """Seconds that idle connections stay open once the server was told to stop, so that each client hears of it in an
    answer. Otherwise a request that is just on its way meets a closed connection."""
    read_timeout: float = Field(default=30, gt=0, le=600)
    """Seconds that a client has to send a request's head, and again to send its body."""
    execution_timeout: float = Field(default=30, gt=0, le=600)
    """Seconds until an operation is given up. A posting that has begun is completed all the same."""
    keep_alive: int = Field(default=75, ge=1, le=3600)
    """Seconds that a connection may be idle between requests. Must exceed the idle timeout of proxies (usually 60):
    otherwise a proxy sends a request on a connection that is being closed, and answers 502."""
    max_connections: int = Field(default=4000, ge=10, le=1_000_000)
    """Of one process, idle ones included. Beyond it, requests are answered with 503."""
    max_websockets: int = Field(default=2000, ge=1, le=1_000_000)
    """Of one process; they count as connections too. They are closed with 1013 beyond it."""
    max_websockets_per_holder: int = Field(default=50, ge=1, le=1_000_000)
    """Of one process, for the tokens of one subject, role and client."""
    max_subscriptions: int = Field(default=10_000, ge=1, le=1_000_000)
    """Of one process, by WebSocket and as streams of events."""
    max_subscriptions_per_tenant: int = Field(default=5_000, ge=1, le=1_000_000)
    """The same of one tenant."""
    websocket_init_timeout: float = Field(default=10, gt=0, le=60)
    """Seconds that a client has to send its token after the handshake."""
    rate_limit: str = "1200000/minute"
    """Cost units (docs/query-cost.md) that each holder of tokens may read in a while, and each address without a token;
    0 for no limit."""
    rate_limit_writes: str | None = None
    """The same for writes. Not set: three times as many as reads."""
    rate_limit_url: SecretStr = SecretStr("memory://")
    """Storage of the counts: memory://, each process for itself, or redis://…, all together."""
    trusted_documents: Path | None = None
    """A manifest of registered operations, which can be requested by id; or a folder with one for each client."""
    trusted_documents_only: bool = True
    """Whether only the manifest's operations run, if there is a manifest. The pages are then off."""
    max_clock_skew: float = Field(default=MAX_SKEW.total_seconds(), gt=0, le=3600)
    """Seconds by which this machine's clock may differ from the database's. Nothing is written beyond it."""
    webhook_key: WebhookKeys | None = None
    """Keys that the secrets of webhooks are derived from, by commas: new ones from the first. Without one there are no
    webhooks. `scrip run` makes one up and keeps it in the data folder."""
    webhook_networks: Networks = ()
    """Networks to which webhooks are sent besides public addresses."""
    webhook_http: bool = False
    """Whether webhooks may have http:// URLs."""
    jwt_issuer: str = "scrip"
    jwt_audience: str = "scrip"
    jwt_secret: SecretStr | None = None
    jwks_url: str | None = None
    jwks_file: Path | None = None
    token_types: TokenTypes = TOKEN_TYPES
    """Values that the `typ` of access tokens may have. Providers that say JWT say it of ID tokens too: the audience
    has to tell them apart."""
    claim_tenant: NeededClaimPath = ("tenant",)
    """Paths into tokens (auth/claim_map.py)."""
    claim_role: NeededClaimPath = ("role",)
    claim_subject: NeededClaimPath = ("sub",)
    claim_name: ClaimPath = ("name",)
    claim_client_id: ClaimPath = ("client_id",)
    claim_customer: ClaimPath = ("customer",)
    claim_scope: ClaimPath = ("scope",)
    tenant_values: TenantValues | None = None
    """Tables of what the values there mean here: tenants by short name or id, roles, scopes."""
    role_values: RoleValues | None = None
    scope_values: ScopeValues | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = {"JWT_SECRET": self.jwt_secret, "JWKS_URL": self.jwks_url, "JWKS_FILE": self.jwks_file}
        given = [f"SCRIP_{name}" for name, value in keys.items() if value is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: set only one of them")
        if self.database_pool_min > self.database_pool_max:
            raise ValueError("SCRIP_DATABASE_POOL_MIN is more than SCRIP_DATABASE_POOL_MAX")
        if self.pages and self.only_trusted_documents:
            raise ValueError("SCRIP_PAGES is on, whose operations SCRIP_TRUSTED_DOCUMENTS_ONLY would refuse")
        if (self.console_issuer is None) != (self.console_client_id is None):
            raise ValueError("SCRIP_CONSOLE_ISSUER and SCRIP_CONSOLE_CLIENT_ID: set both of them, or neither")
        if self.migration_database_url is not None and self.database_url is None:
            raise ValueError("SCRIP_MIGRATION_DATABASE_URL is set, and DATABASE_URL is not")
        return self

    @property
    def has_pages(self) -> bool:
        """Whether pages are shown, as set or by default."""
        return (self.sample if self.pages is None else self.pages) and not self.only_trusted_documents

    @property
    def has_console(self) -> bool:
        """Whether there is the console, as set or by default."""
        return self.console if self.console is not None else self.sample and not self.only_trusted_documents

    @property
    def cors_localhost(self) -> bool:
        """Whether pages of any server on this machine may call the API: in the sample, unless origins are named."""
        return self.sample and self.on_loopback and not self.cors_origins

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def only_trusted_documents(self) -> bool:
        """Whether nothing else runs."""
        return self.trusted_documents is not None and self.trusted_documents_only

    @property
    def app_url(self) -> str | None:
        """DATABASE_URL in the clear."""
        return None if self.database_url is None else self.database_url.get_secret_value()

    @property
    def backup_url(self) -> str | None:
        """The URL that backups use, in the clear."""
        return None if self.backup_database_url is None else self.backup_database_url.get_secret_value()

    @property
    def owner_url(self) -> str | None:
        """The URL that migrations use, in the clear."""
        url = self.migration_database_url or self.database_url
        return None if url is None else url.get_secret_value()


def load_settings() -> Settings:
    """The settings as the environment has them now. Raises SetupProblem with a line for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        raise SetupProblem("\n".join(_explain(problem["loc"], problem["msg"]) for problem in error.errors())) from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    """One line. The wrong value is not repeated: it may hold a password."""
    message = message.removeprefix("Value error, ")
    if not location:
        return message
    name = str(location[0]).upper()
    return f"{name if name == 'DATABASE_URL' else 'SCRIP_' + name.removeprefix('SCRIP_')}: {message}"
