"""What gateway/input_fields.py takes graphql-core's messages about values to begin with."""

from graphql import build_schema, parse, validate
from graphql.execution.values import get_argument_values, get_variable_values

from gateway.input_fields import ARGUMENT, INNER, VARIABLE

SCHEMA = build_schema("""
    input Line { units: Int!  kind: String }
    input Order { lines: [Line!]! }
    type Query { order(order: Order!, note: String! = "x"): String }
""")
DOCUMENT = parse("query($order: Order!, $note: String = null) { order(order: $order, note: $note) }")


def of_variable(order: object) -> list[str]:
    operation = DOCUMENT.definitions[0]
    found = get_variable_values(SCHEMA, operation.variable_definitions or (), {"order": order})  # type: ignore[attr-defined]
    assert isinstance(found, list)
    return [error.message for error in found]


def test_the_path_comes_first() -> None:
    (message,) = of_variable({"lines": [{"units": 1}, {"units": "x"}]})
    said = VARIABLE.match(message)
    assert said is not None
    assert said.groups() == ("order", " at .lines[1].units")


def test_no_path_for_the_whole() -> None:
    for value in (None, 7):
        (message,) = of_variable(value)
        said = VARIABLE.match(message)
        assert said is not None
        assert said.groups() == ("order", "")


def test_what_is_missing_or_unknown_is_named() -> None:
    for line, name in (({}, "units"), ({"units": 1, "unit": 1}, "unit")):
        (message,) = of_variable({"lines": [line]})
        said = VARIABLE.match(message)
        assert said is not None
        assert said[2] == " at .lines[0]"
        inner = INNER.match(message, said.end())
        assert inner is not None
        assert inner[1] == name


def test_the_same_of_literals_with_the_value_as_the_node() -> None:
    wrong = validate(SCHEMA, parse('{ order(order: { lines: [{}, { units: "x" }] }) }'))
    assert [INNER.match(error.message) is not None for error in wrong] == [True, False]
    assert [type(error.nodes[0]).__name__ for error in wrong if error.nodes] == ["ObjectValueNode", "StringValueNode"]


def test_an_argument_that_is_null_at_run_time() -> None:
    query = SCHEMA.query_type
    assert query is not None
    operation = DOCUMENT.definitions[0]
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), {"order": {"lines": []}})  # type: ignore[attr-defined]
    assert not isinstance(values, list)
    try:
        get_argument_values(query.fields["order"], operation.selection_set.selections[0], values)  # type: ignore[attr-defined]
    except Exception as error:  # noqa: BLE001 - graphql-core's
        said = ARGUMENT.match(str(error))
    assert said is not None
    assert said[1] == "note"
