"""Validation finds what graphql-core's own finds, in the same words."""

from typing import Final

import pytest
from graphql import parse, specified_rules, validate

from gateway.validation import validated
from tests.support.schema import SCHEMA

MAX_ERRORS: Final = 3
DOCUMENTS: Final = {
    "valid": "{ viewer { subject } }",
    "a field that is not there": "{ viewer { subjct } }",
    "as many errors as may be": "{ a b c }",
    "more errors than that": "{ a b c d e }",
    "fragments": "query($id: ID!) { node(id: $id) { ...A } } fragment A on Customer { id ...B } fragment B on Node { id }",
    "a fragment in a circle": "{ viewer { ...A } } fragment A on Viewer { subject ...A }",
    "fragments nested too deeply": "{ viewer { ...F0 } } "
    + " ".join(f"fragment F{n} on Viewer {{ ... on Viewer {{ ...F{n + 1} }} }}" for n in range(900))
    + " fragment F900 on Viewer { subject }",
    "a fragment's variable": "query($n: Int) { ...A } fragment A on Query { customers(first: $n) { __typename } }",
    "a variable of another type": "query($n: String) { customers(first: $n) { edges { node { id } } } }",
    "a variable that is not declared": "{ customers(first: $n) { edges { node { id } } } }",
    "a variable that is not used": "query($n: Int) { viewer { subject } }",
    "fields that do not merge": '{ a: customer(by: {id: "x"}) { id } a: viewer { subject } }',
    "two operations without a name": "{ viewer { subject } } { viewer { subject } }",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_errors_are_those_of_graphql_core(name: str) -> None:
    text = DOCUMENTS[name]
    expected = validate(SCHEMA.graphql, parse(text), specified_rules, MAX_ERRORS)
    found = validated(SCHEMA.graphql, parse(text), specified_rules, MAX_ERRORS)
    assert [error.formatted for error in found] == [error.formatted for error in expected]
    assert bool(found) == (name not in ("valid", "fragments", "a fragment's variable"))
