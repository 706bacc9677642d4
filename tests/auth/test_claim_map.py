"""Claims of identity providers, brought to Scrip's own: what is not where it should be is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.claim_map import ClaimMap, parse_path, parse_types, parse_values
from auth.errors import TokenError
from auth.keys import SharedSecret
from auth.roles import Role, Scope, scopes_of
from auth.tokens import TokenVerifier
from tests.auth.conftest import Mint

if TYPE_CHECKING:
    from auth.principal import Principal

MAPPED = ClaimMap(
    tenant=("org", "id"),
    role=("realm_access", "roles"),
    subject=("oid",),
    name=("display.name",),
    client_id=("azp",),
    customer=("email",),
    scope=("scp",),
    tenants={"42": "demo", "43": "other"},
    roles={"boss": "admin", "clerk": "staff", "buyer": "customer", "till": "partner"},
    scopes={"Read": "ledger:read", "Add": "credits:add"},
)
GOOD: dict[str, Any] = {
    "org": {"id": "42"},
    "realm_access": {"roles": ["offline_access", "clerk"]},
    "oid": "o-1",
    "display.name": "Sam",
    "azp": "desk",
    "email": "sam@tea.example",
    # What Scrip would read, if it were not told otherwise.
    "tenant": "forged",
    "role": "admin",
    "scope": "openid",
    "customer": "C-1",
    "name": "Forged",
    "client_id": "forged",
}


def read(mint: Mint, claims: ClaimMap = MAPPED, /, **changes: object) -> Principal:
    verifier = TokenVerifier(SharedSecret(mint.secret), mint.issuer, mint.audience, mint.clock, claims=claims)
    return verifier.verify(mint.token(**{**GOOD, **changes}))


def test_all_is_read_from_where_it_stands_and_from_nowhere_else(mint: Mint) -> None:
    who = read(mint)
    assert (who.tenant, who.role, who.subject, who.name) == ("demo", Role.STAFF, "o-1", "Sam")
    assert (who.client_id, who.customer) == ("desk", None)
    assert who.scopes == scopes_of(Role.STAFF)


def test_the_first_of_the_table_counts_whatever_the_order_in_the_token(mint: Mint) -> None:
    assert read(mint, realm_access={"roles": ["clerk", "boss"]}).role is Role.ADMIN
    assert read(mint, realm_access={"roles": "clerk"}).role is Role.STAFF


def test_a_customer_is_read_where_the_role_is_customer(mint: Mint) -> None:
    who = read(mint, realm_access={"roles": ["buyer"]})
    assert (who.role, who.customer) == (Role.CUSTOMER, "sam@tea.example")


def test_scopes_by_their_table_narrow(mint: Mint) -> None:
    partner = {"realm_access": {"roles": ["till"]}}
    assert read(mint, **partner).scopes == frozenset()
    for scp in ("Read Other", ["Read", "Other"]):
        assert read(mint, **partner, scp=scp).scopes == frozenset({Scope.LEDGER_READ})
        assert read(mint, scp=scp).scopes == frozenset({Scope.LEDGER_READ})
    assert read(mint, scp="ledger:read").scopes == frozenset()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"org": {"id": "99"}}, "tenant is none of those known"),
        ({"org": {"id": ["42", "43"]}}, "tenant is more than one of those known"),
        ({"org": {}}, "no tenant"),
        ({"org": "42"}, "no tenant"),
        ({"org": None}, "no tenant"),
        ({"realm_access": {"roles": []}}, "no role known here"),
        ({"realm_access": {"roles": ["admin"]}}, "no role known here"),
        ({"realm_access": [{"roles": ["boss"]}]}, "no role known here"),
        ({"realm_access": {"roles": {"boss": True}}}, "no role known here"),
        ({"realm_access": {"roles": [["boss"]]}}, "no role known here"),
        ({"oid": None}, "no sub"),
        ({"oid": ["a", "b"]}, "must be one value"),
        ({"oid": 7}, "must be a text"),
        ({"display.name": ["x", "y"]}, "must be one value"),
        ({"scp": 7}, "scope must be a text, or an array"),
        ({"scp": ["Read", 7]}, "scope must be a text, or an array"),
        ({"realm_access": {"roles": ["buyer"]}, "email": None}, "must name a customer"),
        ({"typ": "ID"}, "not an access token"),
        ({"typ": "Refresh"}, "not an access token"),
    ],
)
def test_what_is_not_there_or_not_clear_is_refused(mint: Mint, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(TokenError, match=reason):
        read(mint, **changes)


def test_without_tables_values_mean_what_they_say_and_none_is_chosen(mint: Mint) -> None:
    plain = ClaimMap(role=("roles",), tenant=("groups",), scope=())
    claims = {"roles": ["x", "manager"], "groups": ["demo"]}
    who = read(mint, plain, **claims)
    assert (who.role, who.tenant) == (Role.MANAGER, "demo")
    for changes, reason in (
        ({"roles": ["staff", "admin"]}, "several roles"),
        ({"groups": ["a", "b"]}, "one value, not several"),
        ({"groups": []}, "one value, not none"),
    ):
        with pytest.raises(TokenError, match=reason):
            read(mint, plain, **{**claims, **changes})


def test_types_of_tokens(mint: Mint) -> None:
    def verify(types: str, kind: str) -> Principal:
        verifier = TokenVerifier(
            SharedSecret(mint.secret), mint.issuer, mint.audience, mint.clock, types=parse_types(types)
        )
        return verifier.verify(mint.token_with_header(typ=kind))

    for types, kind in (("JWT", "JWT"), ("at+jwt, JWT", "jwt"), ("at+jwt,JWT", "application/at+jwt")):
        assert verify(types, kind).subject == "sam"
    for types, kind in (("at+jwt", "JWT"), ("JWT", "at+jwt"), ("JWT", "logout+jwt")):
        with pytest.raises(TokenError, match="its typ must be"):
            verify(types, kind)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("tenant", ("tenant",)),
        ("realm_access.roles", ("realm_access", "roles")),
        ("/https:~1~1tea.example~1role", ("https://tea.example/role",)),
        ("/a.b/c~0d", ("a.b", "c~d")),
        ("-", ()),
    ],
)
def test_paths(text: str, path: tuple[str, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", ".", "a..b", "/", "/a//b", "/a~2", "a.b.c.d.e.f.g.h.i"])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="JSON Pointer"):
        parse_path(text)


def test_tables() -> None:
    assert list(parse_values(" b = x , a=y")) == ["b", "a"]
    assert parse_values("https://sso.example/realms/tea?a=b=tea") == {"https://sso.example/realms/tea?a=b": "tea"}
    assert parse_values('{"CN=Clerks,OU=Tea": "staff"}') == {"CN=Clerks,OU=Tea": "staff"}
    for bad in ("", "a", "a=", "=a", "a=b,", "a=b,a=c", "{", '{"a": 1}', '{"a": ""}', "{}", '{"a": "b", "a": "c"}'):
        with pytest.raises(ValueError, match=r"must|twice|proper"):
            parse_values(bad)
    with pytest.raises(ValueError, match="'king' on a right side; there are: admin"):
        parse_values("a=king", known=frozenset({"admin"}))


@given(
    st.dictionaries(
        st.sampled_from(sorted(GOOD)),
        st.recursive(
            st.none() | st.text() | st.integers() | st.booleans(),
            lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["id", "roles"]), each),
            max_leaves=6,
        ),
    )
)
def test_whatever_stands_there_is_read_or_refused(changes: dict[str, object]) -> None:
    try:
        read(Mint(), **changes)
    except TokenError:
        return
