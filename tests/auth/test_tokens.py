"""Tokens to the letter: what a good one says, and a corpus of those that must be refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import TokenError, UnknownKeyError
from auth.keys import SharedSecret
from auth.principal import Principal
from auth.roles import Role, Scope, scopes_of
from auth.tokens import MAX_CACHED_TOKENS, issue

if TYPE_CHECKING:
    from tests.auth.conftest import Mint


def test_a_good_token_says_who_it_is(mint: Mint) -> None:
    token = mint.token(
        role="partner",
        scope="credits:add ledger:read other:thing",
        name="Pat",
        client_id="till-4",
        aud=["x", "scrip-test"],
    )
    assert mint.verifier().verify(token) == Principal(
        tenant="demo",
        subject="sam",
        role=Role.PARTNER,
        scopes=frozenset({Scope.CREDITS_ADD, Scope.LEDGER_READ}),
        name="Pat",
        client_id="till-4",
        customer=None,
        token_id="token-1",
        expires_at=datetime.fromtimestamp(mint.now + 600, UTC),
        issued_at=datetime.fromtimestamp(mint.now, UTC),
    )


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_an_access_token_may_say_so_in_these_ways(mint: Mint, kind: str) -> None:
    assert mint.verifier().verify(mint.token_with_header(typ=kind)).subject == "sam"


@pytest.mark.parametrize("without", ["iat", "nbf", "jti", "scope", "name", "client_id"])
def test_what_may_be_left_out(mint: Mint, without: str) -> None:
    assert mint.verifier().verify(mint.token(without)).role is Role.STAFF


def test_unknown_members_of_the_header_are_ignored(mint: Mint) -> None:
    token = mint.token_with_header(x5t="abc", kid="whatever", jku="https://evil.test/", jwk={"kty": "oct", "k": "eA"})
    assert mint.verifier().verify(token).subject == "sam"


@pytest.mark.parametrize("role", list(Role))
def test_a_scope_claim_narrows_the_role_and_never_widens_it(mint: Mint, role: Role) -> None:
    customer = {"customer": "C1"} if role is Role.CUSTOMER else {}
    everything = " ".join(scope.value for scope in Scope)
    verifier = mint.verifier()
    unnarrowed = verifier.verify(mint.token(role=role.value, **customer))
    assert unnarrowed.scopes == (frozenset() if role is Role.PARTNER else scopes_of(role))
    assert verifier.verify(mint.token(role=role.value, scope=everything, **customer)).scopes == scopes_of(role)
    assert verifier.verify(mint.token(role=role.value, scope="", **customer)).scopes == frozenset()


# One good token's every part, made bad in one way. The text is what the refusal must say.
Make = Callable[["Mint"], str]

BAD_FORM: dict[str, tuple[Make, str]] = {
    "nothing": (lambda _: "", "not a signed token"),
    "words": (lambda _: "not a token", "not a signed token"),
    "two parts": (lambda m: m.token().rpartition(".")[0], "not a signed token"),
    "no signature": (lambda m: m.token().rpartition(".")[0] + ".", "not a signed token"),
    "four parts": (lambda m: m.token() + ".AAAA", "not a signed token"),
    "five parts, as if encrypted": (lambda m: m.token() + ".AAAA.AAAA", "not a signed token"),
    "padding on the signature": (lambda m: m.token() + "=", "not a signed token"),
    "padding on the payload": (lambda m: m.token().replace(".", "=.", 2), "not a signed token"),
    "a line end": (lambda m: m.token() + "\n", "not a signed token"),
    "a space inside": (lambda m: m.token().replace(".", ". ", 1), "not a signed token"),
    "base64 of the other alphabet": (lambda m: "+/+/." + m.token().partition(".")[2], "not a signed token"),
    "letters that only look like it": (lambda m: m.token().replace("e", "\u0435"), "not a signed token"),
    "a surrogate": (lambda m: m.token() + "\ud800", "not a signed token"),
    "too long": (lambda m: m.token(padding="x" * 9000), "longer than"),
    "another signature": (lambda m: m.token()[:-8] + "AAAAAAAA", "signature"),
    "a truncated signature": (lambda m: m.token()[:-4], "signature"),
    "another secret": (lambda m: m.signed(m.header(), m.payload(), "x" * 40), "signature"),
    "the last bits of the signature changed": (lambda m: m.token()[:-1] + _next_letter(m.token()[-1]), "signature"),
    "another payload under the signature": (lambda m: _with_payload(m.token(), m.token(role="admin")), "signature"),
}

BAD_HEADERS: dict[str, tuple[Make, str]] = {
    "alg none, unsigned": (
        lambda m: m.signed(m.header(alg="none"), m.payload()).rpartition(".")[0] + ".",
        "not a signed",
    ),
    "alg none, signed all the same": (lambda m: m.token_with_header(alg="none"), "algorithm"),
    "alg None": (lambda m: m.token_with_header(alg="None"), "algorithm"),
    "alg in small letters": (lambda m: m.token_with_header(alg="hs256"), "algorithm"),
    "alg HS512": (lambda m: m.token_with_header(alg="HS512"), "algorithm"),
    "alg RS256 with a shared secret": (lambda m: m.token_with_header(alg="RS256"), "algorithm"),
    "alg missing": (lambda m: m.signed(b'{"typ":"at+jwt"}', m.payload()), "algorithm"),
    "alg a number": (lambda m: m.token_with_header(alg=256), "algorithm"),
    "alg a list": (lambda m: m.token_with_header(alg=["HS256"]), "algorithm"),
    "alg twice": (lambda m: m.signed(b'{"typ":"at+jwt","alg":"none","alg":"HS256"}', m.payload()), "JSON object"),
    "typ missing": (lambda m: m.signed(b'{"alg":"HS256"}', m.payload()), "access token"),
    "typ of any JWT": (lambda m: m.token_with_header(typ="JWT"), "access token"),
    "typ of an ID token": (lambda m: m.token_with_header(typ="id+jwt"), "access token"),
    "typ of a logout token": (lambda m: m.token_with_header(typ="logout+jwt"), "access token"),
    "typ with a tail": (lambda m: m.token_with_header(typ="at+jwt; x=1"), "access token"),
    "typ a number": (lambda m: m.token_with_header(typ=1), "access token"),
    "typ null": (lambda m: m.token_with_header(typ=None), "access token"),
    "cty": (lambda m: m.token_with_header(cty="JWT"), "not supported"),
    "zip": (lambda m: m.token_with_header(zip="DEF"), "not supported"),
    "enc": (lambda m: m.token_with_header(enc="A256GCM"), "not supported"),
    "crit": (lambda m: m.token_with_header(crit=["exp"], exp=1), "not supported"),
    "crit empty": (lambda m: m.token_with_header(crit=[]), "not supported"),
    "b64 false": (lambda m: m.token_with_header(b64=False, crit=["b64"]), "not supported"),
    "b64 false, not critical": (lambda m: m.token_with_header(b64=False), "not supported"),
    "b64 true": (lambda m: m.token_with_header(b64=True), "not supported"),
    "kid a number": (lambda m: m.token_with_header(kid=1), "kid"),
    "kid null": (lambda m: m.token_with_header(kid=None), "kid"),
    "kid empty": (lambda m: m.token_with_header(kid=""), "kid"),
    "kid a list": (lambda m: m.token_with_header(kid=["a"]), "kid"),
    "kid very long": (lambda m: m.token_with_header(kid="k" * 256), "kid"),
    "header a list": (lambda m: m.signed(b'["HS256"]', m.payload()), "JSON object"),
    "header a text": (lambda m: m.signed(b'"HS256"', m.payload()), "JSON object"),
    "header not JSON": (lambda m: m.signed(b"{alg:HS256}", m.payload()), "JSON object"),
    "header with a byte order mark": (lambda m: m.signed(b"\xef\xbb\xbf" + m.header(), m.payload()), "JSON object"),
    "header in UTF-16": (lambda m: m.signed(m.header().decode().encode("utf-16"), m.payload()), "JSON object"),
    "header with NaN": (lambda m: m.signed(m.header()[:-1] + b',"x":NaN}', m.payload()), "JSON object"),
    "header of impossible length": (lambda m: "AAAAA." + m.token().partition(".")[2], "not a signed token"),
}

BAD_PAYLOADS: dict[str, tuple[Make, str]] = {
    "payload a list": (lambda m: m.signed(m.header(), b"[]"), "JSON object"),
    "payload null": (lambda m: m.signed(m.header(), b"null"), "JSON object"),
    "payload not JSON": (lambda m: m.signed(m.header(), b"sub=sam"), "JSON object"),
    "payload with a byte order mark": (lambda m: m.signed(m.header(), b"\xef\xbb\xbf" + m.payload()), "JSON object"),
    "payload in UTF-16": (lambda m: m.signed(m.header(), m.payload().decode().encode("utf-16-le")), "JSON object"),
    "payload not UTF-8": (lambda m: m.signed(m.header(), m.payload().replace(b"sam", b"s\xff")), "JSON object"),
    "payload with a tail": (lambda m: m.signed(m.header(), m.payload() + b"{}"), "JSON object"),
    "payload very deep": (lambda m: m.signed(m.header(), b'{"x":' + b"[" * 5000), "JSON object"),
    "a claim twice": (lambda m: m.signed(m.header(), m.payload()[:-1] + b',"role":"admin"}'), "JSON object"),
    "a claim twice, further in": (
        lambda m: m.signed(m.header(), m.payload()[:-1] + b',"x":{"a":1,"a":2}}'),
        "JSON object",
    ),
    "an endless number": (
        lambda m: m.signed(m.header(), m.payload()[:-1] + b',"x":' + b"9" * 4999 + b"}"),
        "JSON object",
    ),
}

BAD_CLAIMS: dict[str, tuple[Make, str]] = {
    "no iss": (lambda m: m.token("iss"), "issuer"),
    "another iss": (lambda m: m.token(iss="https://issuer.test/"), "issuer"),
    "iss a list": (lambda m: m.token(iss=[m.issuer]), "issuer"),
    "no aud": (lambda m: m.token("aud"), "audience"),
    "another aud": (lambda m: m.token(aud="scrip"), "audience"),
    "aud empty": (lambda m: m.token(aud=[]), "audience"),
    "aud a longer text with ours inside": (lambda m: m.token(aud="xscrip-testx"), "audience"),
    "aud with a number": (lambda m: m.token(aud=[m.audience, 1]), "audience"),
    "aud an object": (lambda m: m.token(aud={m.audience: 1}), "audience"),
    "no exp": (lambda m: m.token("exp"), "exp"),
    "exp null": (lambda m: m.token(exp=None), "exp"),
    "exp past": (lambda m: m.token(exp=m.now - 1), "expired"),
    "exp this instant": (lambda m: m.token(exp=m.now), "expired"),
    "exp zero": (lambda m: m.token(exp=0), "expired"),
    "exp negative": (lambda m: m.token(exp=-1), "exp"),
    "exp in milliseconds": (lambda m: m.token(exp=(m.now + 600) * 1000), "too far"),
    "exp huge": (lambda m: m.token(exp=10**400), "too far"),
    "exp a text": (lambda m: m.token(exp=str(m.now + 600)), "exp"),
    "exp a float": (lambda m: m.token(exp=m.now + 600.5), "exp"),
    "exp a whole float": (lambda m: m.token(exp=float(m.now + 600)), "exp"),
    "exp true": (lambda m: m.token(exp=True), "exp"),
    "exp NaN": (lambda m: m.token(exp=float("nan")), "JSON object"),
    "exp infinite": (lambda m: m.token(exp=float("inf")), "JSON object"),
    "exp 1e400": (lambda m: m.signed(m.header(), m.payload(exp=1).replace(b'"exp": 1', b'"exp": 1e400')), "exp"),
    "nbf in the future": (lambda m: m.token(nbf=m.now + 31), "nbf"),
    "nbf a text": (lambda m: m.token(nbf="0"), "nbf"),
    "nbf null": (lambda m: m.token(nbf=None), "nbf"),
    "iat in the future": (lambda m: m.token(iat=m.now + 31), "iat"),
    "iat a float": (lambda m: m.token(iat=m.now + 0.5), "iat"),
    "iat false": (lambda m: m.token(iat=False), "iat"),
    "no sub": (lambda m: m.token("sub"), "sub"),
    "sub empty": (lambda m: m.token(sub=""), "sub"),
    "sub blank": (lambda m: m.token(sub="  "), "sub"),
    "sub with a space after it": (lambda m: m.token(sub="sam "), "sub"),
    "sub a number": (lambda m: m.token(sub=7), "sub"),
    "sub null": (lambda m: m.token(sub=None), "sub"),
    "sub with NUL": (lambda m: m.token(sub="sa\x00m"), "sub"),
    "sub with a line end": (lambda m: m.token(sub="sam\nrole=admin"), "sub"),
    "sub half a surrogate pair": (lambda m: m.token(sub="\ud800"), "sub"),
    "sub with a letter of no width": (lambda m: m.token(sub="sam\u200b"), "sub"),
    "sub with a turn of direction": (lambda m: m.token(sub="\u202emas"), "sub"),
    "sub with a soft hyphen": (lambda m: m.token(sub="sa\u00adm"), "sub"),
    "sub with a space that is none": (lambda m: m.token(sub="sam\u00a0smith"), "sub"),
    "client_id with a letter of no width": (lambda m: m.token(client_id="till\u2060"), "client_id"),
    "sub very long": (lambda m: m.token(sub="s" * 256), "sub"),
    "no tenant": (lambda m: m.token("tenant"), "tenant"),
    "tenant empty": (lambda m: m.token(tenant=""), "tenant"),
    "tenant a list": (lambda m: m.token(tenant=["demo", "other"]), "tenant"),
    "no role": (lambda m: m.token("role"), "role"),
    "role unknown": (lambda m: m.token(role="root"), "role"),
    "role in capitals": (lambda m: m.token(role="STAFF"), "role"),
    "role a list": (lambda m: m.token(role=["staff"]), "role"),
    "two roles": (lambda m: m.token(role="staff admin"), "role"),
    "scope a list": (lambda m: m.token(scope=["ledger:read"]), "scope"),
    "scope null": (lambda m: m.token(scope=None), "scope"),
    "name a number": (lambda m: m.token(name=1), "name"),
    "client_id null": (lambda m: m.token(client_id=None), "client_id"),
    "jti a number": (lambda m: m.token(jti=5), "jti"),
    "a customer without a name": (lambda m: m.token(role="customer"), "customer"),
    "a customer that is empty": (lambda m: m.token(role="customer", customer=""), "customer"),
    "staff that is a customer": (lambda m: m.token(customer="C1"), "customer"),
}

BAD_TOKENS = BAD_FORM | BAD_HEADERS | BAD_PAYLOADS | BAD_CLAIMS


def _next_letter(letter: str) -> str:
    # The signature's 32 bytes leave two bits of the last letter unused: this changes only those.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) + 1]


def _with_payload(token: str, other: str) -> str:
    return ".".join((token.split(".")[0], other.split(".")[1], token.split(".")[2]))


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused_for_the_right_reason(mint: Mint, name: str) -> None:
    make, reason = BAD_TOKENS[name]
    token = make(mint)
    verifier = mint.verifier()
    for _ in range(2):  # a refusal is not remembered as anything else
        with pytest.raises(TokenError, match=reason) as refusal:
            verifier.verify(token)
        assert mint.secret not in str(refusal.value)
        assert token == "" or token not in str(refusal.value)


def test_leeway_is_for_the_start_and_not_for_the_end(mint: Mint) -> None:
    token = mint.token(nbf=mint.now + 30, iat=mint.now + 30, exp=mint.now + 60)
    verifier = mint.verifier()
    assert verifier.verify(token).subject == "sam"
    mint.clock.advance(59.9)
    assert verifier.verify(token).subject == "sam"
    mint.clock.advance(0.1)
    with pytest.raises(TokenError, match="expired"):
        verifier.verify(token)


def test_only_so_many_tokens_are_remembered(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CACHED_TOKENS <= 10_000
    monkeypatch.setattr("auth.tokens.MAX_CACHED_TOKENS", 3)
    verifier = mint.verifier()
    tokens = [mint.token(sub=f"sam-{number}") for number in range(10)]
    assert [verifier.verify(token).subject for token in tokens] == [f"sam-{number}" for number in range(10)]
    assert len(verifier._cache) == 3
    assert verifier.verify(tokens[0]).subject == "sam-0"


def test_a_secret_that_is_forgotten_takes_its_tokens_along(mint: Mint) -> None:
    class Changing(SharedSecret):
        gone = False

        def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
            return None if self.gone else super().find(key_id, algorithm)

    keys = Changing(mint.secret)
    verifier = mint.verifier(keys)
    token = mint.token()
    assert verifier.verify(token).subject == "sam"
    keys.gone = True
    with pytest.raises(UnknownKeyError):
        verifier.verify(token)


def test_what_is_issued_is_taken(mint: Mint) -> None:
    token = issue(
        mint.secret,
        issuer=mint.issuer,
        audience=mint.audience,
        tenant="demo",
        subject="C7",
        role=Role.CUSTOMER,
        issued_at=mint.clock(),
        lifetime=timedelta(hours=1),
        token_id=str(uuid.UUID(int=7)),
        scopes=[Scope.LEDGER_READ],
        name="Cleo",
        client_id="shop",
        customer="C7",
    )
    assert mint.verifier().verify(token) == Principal(
        tenant="demo",
        subject="C7",
        role=Role.CUSTOMER,
        scopes=frozenset({Scope.LEDGER_READ}),
        name="Cleo",
        client_id="shop",
        customer="C7",
        token_id=str(uuid.UUID(int=7)),
        expires_at=mint.clock() + timedelta(hours=1),
        issued_at=mint.clock(),
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"subject": ""}, "sub"), ({"lifetime": timedelta()}, "expired"), ({"role": Role.CUSTOMER}, "customer")],
)
def test_nothing_is_issued_that_would_be_refused(mint: Mint, changes: dict[str, object], reason: str) -> None:
    good: dict[str, object] = {"subject": "sam", "role": Role.STAFF, "lifetime": timedelta(hours=1)}
    with pytest.raises(TokenError, match=reason):
        issue(
            mint.secret,
            issuer=mint.issuer,
            audience=mint.audience,
            tenant="demo",
            issued_at=mint.clock(),
            token_id="t",
            **(good | changes),  # type: ignore[arg-type]
        )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_CLAIMS = ("iss", "aud", "sub", "exp", "iat", "nbf", "jti", "tenant", "role", "scope", "name", "client_id", "customer")


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_no_text_is_anything_but_refused(still_mint: Mint, text: str) -> None:
    with pytest.raises(TokenError):
        still_mint.verifier().verify(text)


@given(st.data())
def test_no_letter_of_a_token_can_be_changed(still_mint: Mint, data: st.DataObject) -> None:
    token = still_mint.token()
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda one: one != token[place]))
    with pytest.raises(TokenError):
        still_mint.verifier().verify(token[:place] + letter + token[place + 1 :])


@given(st.dictionaries(st.sampled_from(_CLAIMS), _JSON, min_size=1, max_size=3))
def test_whatever_the_issuer_signs_is_read_properly_or_refused(still_mint: Mint, changes: dict[str, object]) -> None:
    try:
        principal = still_mint.verifier().verify(still_mint.token(**changes))
    except TokenError:
        return
    assert principal.role.value == changes.get("role", "staff")
    assert principal.subject == changes.get("sub", "sam")
    assert principal.tenant == changes.get("tenant", "demo")
    assert principal.scopes <= scopes_of(principal.role)
    assert (principal.customer is None) == (principal.role is not Role.CUSTOMER)
    assert still_mint.clock() < principal.expires_at
    assert "\0" not in json.dumps([principal.subject, principal.tenant, principal.name], ensure_ascii=False)


@given(st.dictionaries(st.sampled_from(("alg", "typ", "kid", "crit", "b64", "cty")), _JSON, min_size=1))
def test_no_header_breaks_the_verifier(still_mint: Mint, changes: dict[str, object]) -> None:
    try:
        assert still_mint.verifier().verify(still_mint.token_with_header(**changes)).subject == "sam"
    except TokenError:
        return
    # Only one change leaves a token good: a kid, which a shared secret has no use for.
    assert set(changes) == {"kid"}
