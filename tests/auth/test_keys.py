"""Keys: which are usable, for what, and the secret that is made on the first run."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from auth.errors import KeyConfigurationError, KeySetError
from auth.jwks import JwksKeys, UrlDocument, key_source
from auth.keys import MIN_RSA_BITS, SharedSecret, load_or_create_secret, parse_key_set

if TYPE_CHECKING:
    from auth.keys import KeyTable
    from tests.auth.conftest import Clock, KeyPairs


def key_set(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def _names(table: KeyTable) -> set[tuple[str | None, str]]:
    return set(table)


def test_each_key_is_good_for_one_algorithm(pairs: KeyPairs) -> None:
    table = parse_key_set(key_set(*(pairs.jwk(algorithm, algorithm.lower()) for algorithm in pairs.private)))
    assert _names(table) == {
        ("rs256", "RS256"),
        ("es256", "ES256"),
        ("eddsa", "EdDSA"),
        (None, "RS256"),
        (None, "ES256"),
        (None, "EdDSA"),
    }
    assert {name: key.algorithm_name for name, key in table.items()} == {name: name[1] for name in table}


def test_without_a_kid_a_key_must_be_the_only_one(pairs: KeyPairs) -> None:
    two = parse_key_set(key_set(pairs.jwk("RS256", "a"), pairs.jwk("RS256", "b")))
    assert _names(two) == {("a", "RS256"), ("b", "RS256")}
    assert _names(parse_key_set(key_set(pairs.jwk("ES256", None)))) == {(None, "ES256")}


def test_what_is_no_public_signature_key_is_skipped(pairs: KeyPairs) -> None:
    small = RSAAlgorithm.to_jwk(generate_rsa_key(65537, MIN_RSA_BITS // 2).public_key(), as_dict=True)
    other_curve = ECAlgorithm.to_jwk(generate_private_key(SECP384R1()).public_key(), as_dict=True)
    unusable: list[object] = [
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U", "alg": "HS256"},
        pairs.jwk("RS256", "x", alg="RS512"),
        pairs.jwk("RS256", "x", alg="HS256"),
        pairs.jwk("RS256", "x", use="enc"),
        pairs.jwk("RS256", "x", key_ops=["encrypt"]),
        pairs.jwk("RS256", "x", key_ops="verify"),
        pairs.jwk("RS256", "x", n=5),
        OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True) | {"kid": "private"},
        pairs.jwk("RS256", "x", kid=7),
        pairs.jwk("ES256", "x", x="AAAA"),
        pairs.jwk("ES256", "x", crv="P-384"),
        pairs.jwk("EdDSA", "x", crv="Ed448"),
        pairs.jwk("EdDSA", "x", kty=["OKP"]),
        small | {"kid": "small"},
        other_curve | {"kid": "curve"},
        {"kty": "RSA", "x5c": ["MIIB"]},
        "text",
        None,
        {},
    ]
    table = parse_key_set(key_set(*unusable, pairs.jwk("EdDSA", "good", use="sig", key_ops=["verify"], alg="EdDSA")))
    assert _names(table) == {("good", "EdDSA"), (None, "EdDSA")}
    for one in unusable:
        with pytest.raises(KeySetError, match="no public key"):
            parse_key_set(key_set(one))


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"null", b"{}", b'{"keys":{}}', b'{"keys":[]}', b"\xff", b"[" * 100_000, key_set(*[{}] * 101)],
    ids=["empty", "list", "null", "object", "keys object", "no keys", "binary", "deep", "many"],
)
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(KeySetError):
        parse_key_set(document)


@pytest.mark.parametrize("secret", ["", "short", "x" * 31])
def test_a_short_secret_is_refused_with_its_length(secret: str) -> None:
    with pytest.raises(KeyConfigurationError, match=f"{len(secret)} bytes"):
        SharedSecret(secret)


def test_a_blank_secret_is_refused() -> None:
    with pytest.raises(KeyConfigurationError, match="blank"):
        SharedSecret(" \t" * 32)


def test_a_public_key_is_no_secret(pairs: KeyPairs) -> None:
    pem = pairs.private["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for public in (pem, json.dumps(pairs.jwk("RS256", "a"))):
        with pytest.raises(KeyConfigurationError, match="another algorithm"):
            SharedSecret(public)


async def test_a_secret_knows_one_algorithm_and_no_kid() -> None:
    keys = SharedSecret("é" * 16)
    await keys.start()
    assert keys.ready
    assert keys.algorithms == {"HS256"}
    assert keys.find(None, "HS256") is keys.find("../../etc/passwd", "HS256") is not None
    assert [keys.find(None, other) for other in ("HS384", "RS256", "none", "")] == [None] * 4
    assert not await keys.refresh_for_unknown_key()
    await keys.stop()


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.test/jwks",
        "http://192.168.1.4/jwks",
        "http://127.0.0.1.issuer.test/jwks",
        "http://localhost.issuer.test/",
        "http://user@localhost/",
        "https://user:secret@issuer.test/",
        "https:///jwks",
        "https://issuer.test:port/",
        "https://[::1/",
        "file:///etc/passwd",
        "ftp://localhost/",
        "//issuer.test/jwks",
        "issuer.test",
        "",
    ],
)
def test_keys_are_not_fetched_from_just_anywhere(url: str) -> None:
    with pytest.raises(KeyConfigurationError):
        UrlDocument(url)


@pytest.mark.parametrize(
    "url", ["https://issuer.test/jwks?x=1", "http://127.0.0.1:9/j", "http://[::1]/", "http://localhost:1/"]
)
async def test_keys_may_be_fetched_by_https_or_on_this_host(url: str) -> None:
    await UrlDocument(url).close()


def test_exactly_one_source_of_keys_is_configured(clock: Clock) -> None:
    secret, file, url = "s" * 32, Path("jwks.json"), "https://issuer.test/jwks"

    def source(secret: str | None = None, file: Path | None = None, url: str | None = None) -> object:
        return key_source(secret=secret, jwks_file=file, jwks_url=url, monotonic=clock.monotonic)

    assert isinstance(source(secret=secret), SharedSecret)
    assert isinstance(source(file=file), JwksKeys)
    assert isinstance(source(url=url), JwksKeys)
    for none_or_many in ({}, {"secret": secret, "file": file}, {"secret": secret, "url": url}):
        with pytest.raises(KeyConfigurationError, match="exactly one"):
            source(**none_or_many)
    with pytest.raises(KeyConfigurationError, match="0 bytes"):
        source(secret="")


def test_a_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "jwt-secret"
    secret = load_or_create_secret(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_secret(path) == secret
    assert SharedSecret(secret).ready
    assert load_or_create_secret(tmp_path / "other") != secret
    assert [file.name for file in path.parent.iterdir()] == ["jwt-secret"]


def test_a_secret_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "jwt-secret"
    path.write_text("s" * 40 + "\n")
    path.chmod(0o644)
    assert load_or_create_secret(path) == "s" * 40
    assert path.stat().st_mode & 0o777 == 0o600


def test_all_who_start_at_once_get_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: load_or_create_secret(tmp_path / "jwt-secret"), range(64)))
    assert len(made) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["jwt-secret"]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64])
def test_a_broken_secret_stops_the_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "jwt-secret"
    path.write_bytes(content)
    with pytest.raises(KeyConfigurationError, match="jwt-secret"):
        load_or_create_secret(path)
    assert path.read_bytes() == content


def test_a_secret_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyConfigurationError, match="cannot be read or made"):
        load_or_create_secret(tmp_path / "file" / "jwt-secret")
