"""Parts of webhooks that are in no row: the operator's keys and allowances, the form of a URL, the schedule of attempts."""

import base64
import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from models.errors import Invalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MIN_KEY_BYTES: Final = 32
MAX_URL_CHARACTERS: Final = 2_000
MAX_PORT: Final = 65_535
MAX_HOST_CHARACTERS: Final = 253
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[!$-;=?-\[\]_a-z~]*)?(?:\?[!$-;=?-\[\]_a-z~]*)?)",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORTS: Final = {"http": 80, "https": 443}

ATTEMPTS_AFTER: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=21),
)
"""How long after each failed attempt the next one is due: three days in all. After the tenth there is none."""
JITTER: Final = 0.1
"""Share by which each may be longer or shorter, so that what failed together is not tried together."""

_NEVER_PUBLIC: Final = ("localhost", "local", "internal", "home.arpa", "test", "example", "invalid", "onion")
"""Names, and what ends with one of them, that no public name server answers: RFC 6761, 6762, 7686, 8375, and ICANN's
`internal`."""
_LOOPBACK: Final = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NOT_PUBLIC: Final[tuple[Network, ...]] = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments; one cloud's metadata among them
    ipaddress.IPv4Network("168.63.129.16/32"),  # public by its number, and another cloud's own service for its machines
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    ipaddress.IPv6Network("2001:db8::/32"),
    ipaddress.IPv6Network("2002::/16"),  # 6to4, which has any IPv4 address in it
    ipaddress.IPv6Network("3fff::/20"),
)
"""Networks that Python has called global at one time or another, or that lead into others."""


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """A key of the operator's, from which secrets are derived."""

    material: bytes = field(repr=False)

    @property
    def fingerprint(self) -> bytes:
        """Eight bytes that tell keys apart, and tell nothing of them."""
        return hashlib.sha256(b"scrip webhook key:" + self.material).digest()[:8]

    def secret(self, tenant_id: UUID, webhook_id: UUID, salt: bytes) -> str:
        """The webhook's secret, as Standard Webhooks writes it."""
        of = b"scrip webhook secret:" + tenant_id.bytes + webhook_id.bytes + salt
        return "whsec_" + base64.b64encode(hmac.digest(self.material, of, "sha256")).decode()


@dataclass(frozen=True, slots=True)
class WebhookSetup:
    """Settings of the operator. keys: the first makes new secrets; the others are for those that there are. networks: where
    requests may go besides public addresses. plain_http: whether http:// is allowed."""

    keys: tuple[WebhookKey, ...] = ()
    networks: tuple[Network, ...] = ()
    plain_http: bool = False

    def newest(self) -> WebhookKey:
        """The key for new secrets. Raises Invalid if there is none."""
        if not self.keys:
            raise Invalid("Webhooks are not set up here: the operator has to set SCRIP_WEBHOOK_KEY.")
        return self.keys[0]

    def key(self, fingerprint: bytes) -> WebhookKey | None:
        """The key with this fingerprint, if it is known here."""
        return next((key for key in self.keys if key.fingerprint == fingerprint), None)

    def allows(self, address: Address) -> bool:
        """Whether a request may go to this address. One that has an IPv4 address in it counts as that."""
        inner = _inner(address)
        if any(inner in network for network in self.networks if network.version == inner.version):
            return True
        return _is_public(inner)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL in its parts: what is connected to and what is sent come from these alone. host: without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Endpoint | None:
    """The parts of a URL; None if it is none that a webhook can have: absolute, of ASCII, without credentials and without
    a fragment."""
    found = _URL.fullmatch(url)
    if found is None or len(url) > MAX_URL_CHARACTERS or len(found["host"]) > MAX_HOST_CHARACTERS:
        return None
    port = int(found["port"] or _PORTS[found["scheme"]])
    if not 1 <= port <= MAX_PORT:
        return None
    target = found["target"] if found["target"].startswith("/") else "/" + found["target"]
    return Endpoint(found["scheme"], found["host"].strip("[]").lower(), port, target)


def checked_url(setup: WebhookSetup, url: str) -> str:
    """The URL, if webhooks may have it. Raises Invalid, at `url`.

    A name is looked up when a request is sent, not here: what it stands for may change. Only one that can stand for
    nothing public is refused, unless the operator allows networks besides.
    """
    endpoint = parse_url(url)
    if endpoint is None:
        raise Invalid(
            "Enter an absolute URL such as https://example.com/scrip: in ASCII, without a user, a password or a fragment.",
            field=("url",),
        )
    if endpoint.scheme == "http" and not setup.plain_http:
        raise Invalid("Only https:// is allowed here.", field=("url",))
    try:
        address = ipaddress.ip_address(endpoint.host)
    except ValueError:
        _check_name(setup, endpoint.host)
        return url
    if not setup.allows(address):
        raise Invalid("No requests are allowed to this address.", field=("url",))
    return url


def _check_name(setup: WebhookSetup, host: str) -> None:
    name = host.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        raise Invalid("Write an address in full: four numbers, or in brackets.", field=("url",))
    if labels[-1] == "localhost":
        private = not any(setup.allows(address) for address in _LOOPBACK)
    else:
        ends = {".".join(labels[-n:]) for n in (1, 2)}
        private = not setup.networks and (len(labels) == 1 or not ends.isdisjoint(_NEVER_PUBLIC))
    if private:
        raise Invalid(f"{name} is no public name, and no requests are allowed inside.", field=("url",))


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)
