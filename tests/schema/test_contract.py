"""The schema against the headline contract, and against the SDL that the project keeps."""

import re
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema, build_schema, introspection_from_schema

from gateway.sdl import sdl
from models.errors import LedgerError
from schema.types.enums import UserErrorCode
from tests.support.schema import SCHEMA

HERE = Path(__file__).parent

# The contract leaves these to convention: edges { cursor node }, pageInfo.
CONNECTIONS = "".join(
    f"""
    type {name}Connection {{ edges: [{name}Edge!]!  pageInfo: PageInfo! }}
    type {name}Edge {{ cursor: String!  node: {name}! }}"""
    for name in ("Customer", "LedgerEntry", "Invoice", "Reward", "Credit", "Assignment", "Coupon", "BulkRow")
)
PAGE_INFO = "type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }"


Described = dict[str, Any]


def described(graphql_schema: GraphQLSchema) -> dict[str, Described]:
    types = introspection_from_schema(graphql_schema, input_value_deprecation=True)["__schema"]["types"]
    return {type_["name"]: dict(type_) for type_ in types if not type_["name"].startswith("__")}


CONTRACT = build_schema((HERE / "contract.graphql").read_text() + CONNECTIONS + PAGE_INFO)
PROMISED = described(CONTRACT)
BUILT = described(SCHEMA.graphql)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_keeps_the_contract(name: str) -> None:
    promised, built = PROMISED[name], BUILT[name]
    assert built["kind"] == promised["kind"]
    assert names(promised["interfaces"]) <= names(built["interfaces"])
    assert names(promised["enumValues"]) <= names(built["enumValues"])
    inputs, asked = signatures(built["inputFields"]), signatures(promised["inputFields"])
    assert {field: inputs.get(field) for field in asked} == {
        field: unless_by_name(field, signature, inputs) for field, signature in asked.items()
    }
    fields = {field["name"]: field for field in built["fields"] or ()}
    for field in promised["fields"] or ():
        ours = fields[field["name"]]
        assert written(ours["type"]) == written(field["type"]), field["name"]
        arguments, args = signatures(ours["args"]), signatures(field["args"])
        args = {name: unless_by_name(name, signature, arguments) for name, signature in args.items()}
        assert {name: arguments.get(name) for name in args} == args, field["name"]
        assert [name for name in arguments.keys() - args if arguments[name][0].endswith("!")] == [], field["name"]


def test_one_of_the_inputs_takes_one_of_its_fields() -> None:
    # Not by introspection: Strawberry replaces graphql-core's own answer there, for every schema in the process.
    def one_of(graphql_schema: GraphQLSchema) -> set[str]:
        types = graphql_schema.type_map.values()
        return {type_.name for type_ in types if isinstance(type_, GraphQLInputObjectType) and type_.is_one_of}

    assert one_of(CONTRACT) == {"CustomerBy"}
    named = {"CustomerBy", "InvoiceBy", "ServiceBy", "RewardBy", "ProductBy", "TierBy", "CouponBy"}
    assert one_of(SCHEMA.graphql) == {*named, "ReferenceBy"}


def unless_by_name(
    name: str, signature: tuple[str, str | None], beside: dict[str, tuple[str, str | None]]
) -> tuple[str, str | None]:
    """An id that must be given need not be where the field beside it takes a name in its place."""
    by = "by" if name == "id" else f"{name.removesuffix('Id')}By"
    return ("ID", signature[1]) if signature[0] == "ID!" and by in beside else signature


def test_the_sdl_defines_each_directive_that_not_every_parser_knows() -> None:
    """Those of before @oneOf refuse a file that uses it without; those of after it take it as their own."""
    text = sdl(SCHEMA.graphql)
    used = set(re.findall(r"@([a-zA-Z]+)", re.sub(r'"""(?:.|\n)*?"""|"[^"\n]*"', "", text)))
    defined = set(re.findall(r"^directive @([a-zA-Z]+)", text, re.MULTILINE))
    assert used - defined <= {"deprecated", "specifiedBy"}
    again = build_schema(text)
    assert {type_.name for type_ in again.type_map.values() if getattr(type_, "is_one_of", False)} >= {"CustomerBy"}
    assert sdl(again) == text


def names(values: list[Described] | None) -> set[str]:
    return {value["name"] for value in values or ()}


def signatures(values: list[Described] | None) -> dict[str, tuple[str, str | None]]:
    """Type and default of each argument or input field."""
    return {value["name"]: (written(value["type"]), value["defaultValue"]) for value in values or ()}


def written(type_: Described) -> str:
    if type_["kind"] == "NON_NULL":
        return written(type_["ofType"]) + "!"
    return f"[{written(type_['ofType'])}]" if type_["kind"] == "LIST" else str(type_["name"])


def test_the_kept_sdl_is_what_the_code_says() -> None:
    kept = HERE.parents[1] / "schema.graphql"
    assert kept.read_text() == sdl(SCHEMA.graphql) + "\n"


def test_root_fields_are_nullable() -> None:
    for root in (SCHEMA.graphql.query_type, SCHEMA.graphql.mutation_type):
        assert root is not None
        assert [name for name, field in root.fields.items() if str(field.type).endswith("!")] == []


def test_mutations_take_one_input_and_answer_with_user_errors() -> None:
    mutations = SCHEMA.graphql.mutation_type
    assert mutations is not None
    for name, field in mutations.fields.items():
        assert re.fullmatch(r"[a-z]+[A-Z]\w*", name)
        verb_noun = name[0].upper() + name[1:]
        assert {arg: str(value.type) for arg, value in field.args.items()} == {"input": f"{verb_noun}Input!"}
        assert str(field.type) == f"{verb_noun}Payload"
        payload = SCHEMA.graphql.type_map[f"{verb_noun}Payload"]
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"


def test_every_code_of_the_ledger_can_be_told() -> None:
    def codes(error: type[LedgerError]) -> set[str]:
        return {error.code}.union(*(codes(child) for child in error.__subclasses__()))

    assert codes(LedgerError) <= set(UserErrorCode.__members__)
