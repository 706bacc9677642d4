"""Which URLs a webhook may have, and to which addresses requests may go."""

import ipaddress

import pytest

from models.errors import Invalid
from models.webhooks import Endpoint, WebhookKey, WebhookSetup, checked_url, parse_url

PUBLIC = WebhookSetup()
OPEN = WebhookSetup(networks=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")), plain_http=True)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.1",
        "192.0.0.192",
        "::ffff:192.0.0.192",
        "168.63.129.16",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
    ],
)
def test_where_nothing_goes(address: str) -> None:
    assert not PUBLIC.allows(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_what_is_public(address: str) -> None:
    assert PUBLIC.allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::1", "1.1.1.1"])
def test_what_the_operator_allows(address: str) -> None:
    assert OPEN.allows(ipaddress.ip_address(address))
    assert not OPEN.allows(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.com", Endpoint("https", "example.com", 443, "/")),
        ("https://Example.com:8443/a/b?c=d&e", Endpoint("https", "example.com", 8443, "/a/b?c=d&e")),
        ("https://example.com?c", Endpoint("https", "example.com", 443, "/?c")),
        ("https://[2606:4700::1]/x", Endpoint("https", "2606:4700::1", 443, "/x")),
        ("https://1.1.1.1:80/", Endpoint("https", "1.1.1.1", 80, "/")),
    ],
)
def test_the_parts_of_a_url(url: str, parts: Endpoint) -> None:
    assert parse_url(url) == parts
    assert checked_url(PUBLIC, url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "https://",
        "https:///x",
        "https://user@example.com",
        "https://u:p@example.com/",
        "https://example.com#x",
        "https://example.com/#x",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com/\r\nX: y",
        "https://example.com/ x",
        "https://exämple.com/",
        "https://example.com\\@evil.com/",
        "https://example.com@evil.com/",
        "HTTPS://example.com/",
        "https://[fe80::1%25eth0]/",
        "https://example.com:443:1/",
        "https://" + "a" * 254 + "/",
        "https://example.com/" + "a" * 2_000,
        "https://example.com/\x00",
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/",
        "https://localhost/",
        "https://LocalHost.:8443/hook",
        "https://hook.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://nas.home.arpa/",
        "https://hook/",
        "https://hook.example/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://example.com.0x7f/",
    ],
)
def test_urls_that_no_webhook_can_have(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_url(PUBLIC, url)
    assert caught.value.field == ("url",)


def test_names_that_only_look_private() -> None:
    for name in ("localhost.example.com", "internal.example.com", "arpa", "example.com.", "xn--bcher-kva.example.com"):
        if name != "arpa":
            assert checked_url(PUBLIC, f"https://{name}/")
        assert checked_url(OPEN, f"https://{name}/")


def test_why_a_name_is_refused() -> None:
    with pytest.raises(Invalid, match="localhost is no public name"):
        checked_url(PUBLIC, "https://localhost/")
    with pytest.raises(Invalid, match="Write an address in full"):
        checked_url(OPEN, "http://127.1/")
    with pytest.raises(Invalid, match="localhost is no public name"):  # other networks are allowed
        checked_url(OPEN, "http://localhost/")
    allowed = WebhookSetup(networks=(ipaddress.ip_network("::1/128"),))
    assert checked_url(allowed, "https://localhost/") == "https://localhost/"


def test_what_the_operator_allows_of_urls() -> None:
    assert checked_url(OPEN, "http://hook/") == "http://hook/"
    assert checked_url(OPEN, "http://10.0.0.1/") == "http://10.0.0.1/"
    assert OPEN.plain_http


def test_the_host_header_is_as_others_write_it() -> None:
    assert [parse_url(url).authority for url in ("https://a.b/", "http://a.b:443/", "https://[2606::1]:8/")] == [  # type: ignore[union-attr]
        "a.b",
        "a.b:443",
        "[2606::1]:8",
    ]


def test_secrets_differ_by_everything_and_nothing_shows_the_key() -> None:
    from uuid import UUID

    key, other = WebhookKey(b"k" * 32), WebhookKey(b"l" * 32)
    one, two = UUID(int=1), UUID(int=2)
    made = {
        key.secret(one, one, b"s" * 16),
        key.secret(two, one, b"s" * 16),
        key.secret(one, two, b"s" * 16),
        key.secret(one, one, b"t" * 16),
        other.secret(one, one, b"s" * 16),
    }
    assert len(made) == 5
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in made)
    assert "kkkk" not in repr(key) + repr(WebhookSetup((key,)))
    assert key.fingerprint != other.fingerprint
    with pytest.raises(Invalid, match="SCRIP_WEBHOOK_KEY"):
        PUBLIC.newest()
