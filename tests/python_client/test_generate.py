"""The module of typed operations that the Python client is made of."""

from pathlib import Path
from typing import Any, Final

import pytest

from scrip_client.generate import BadDocuments, generator_of, main

SCHEMA: Final = """
enum Colour { RED GREEN }
input Part { name: String! colour: Colour inner: [Part!] size: Int! = 3 }
interface Event { kind: String! }
type Added implements Event { kind: String! amount: Float }
type Gone implements Event { kind: String! class: Colour! }
type Row { id: ID! parts(after: String): Rows }
type Edge { cursor: String! node: Row! }
type Page { hasNextPage: Boolean! endCursor: String }
type Rows { edges: [Edge!]! nodes: [Row!]! pageInfo: Page! }
type Payload { rows: [Row] userErrors: [Row!]! }
type Query { row: Row rows(after: String): Rows event: Event seen(part: Part!): Payload }
type Mutation { add(part: Part!): Payload other: Payload }
type Subscription { events(after: String): Event }
"""


def module(documents: str) -> dict[str, Any]:
    """The names of a generated module, and its text."""
    text = generator_of(SCHEMA, documents).module()
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102 (it has just been written)
    return {**names, "text": text}


def test_types_are_those_of_what_is_asked() -> None:
    made = module(
        "mutation Add($part: Part!) { add(part: $part) { rows { id } userErrors { ...R } } } fragment R on Row { id }"
    )

    added = made["add"]({"name": "a"})
    assert (added.field, added.variables) == ("add", {"part": {"name": "a"}})
    assert made["AddPayload"].__annotations__.keys() == {"rows", "userErrors"}
    for line in (
        'name: "str"',
        'colour: "NotRequired[Colour | None]"',
        'inner: "NotRequired[list[Part] | None]"',
        'size: "NotRequired[int]"',
        'rows: "list[AddPayloadRows | None] | None"',
        'userErrors: "list[R]"',
        'Colour = Literal["RED", "GREEN"]',
    ):
        assert line in made["text"]


def test_a_query_that_may_be_refused_is_a_preview() -> None:
    made = module("query See($part: Part!) { seen(part: $part) { rows { id } userErrors { id } } }")

    assert (made["see"]({"name": "a"}).field, made["SeePayload"].__annotations__.keys()) == (
        "seen",
        {"rows", "userErrors"},
    )
    assert "def see(part: Part) -> Preview[SeePayload]:" in made["text"]
    assert "-> Query[" in module("query See($part: Part!) { seen(part: $part) { rows { id } } }")["text"]


def test_a_part_of_one_kind_may_be_missing_and_values_may_be_added() -> None:
    made = module("subscription S($after: String) { events(after: $after) { kind ... on Gone { class } } }")

    assert '"class": "NotRequired[ColourTold]"' in made["text"]
    assert 'ColourTold = Colour | Literal["(added later)"]' in made["text"]
    assert (
        made["SMessage"].__required_keys__ == {"kind", "class"} - {"class"}
        or "class" in made["SMessage"].__annotations__
    )


def test_a_list_that_takes_after_is_a_listing() -> None:
    made = module(
        "query L($after: String) { row { parts(after: $after) { edges { node { id } } pageInfo { endCursor } } } }"
    )

    assert made["l"]().path == ("row", "parts")
    assert made["l"](after="c").variables == {"after": "c"}
    assert "def l(*, after: str | None = None) -> Listing[LData, LDataRowPartsEdgesNode]:" in made["text"]
    short = module("query S($after: String) { rows(after: $after) { nodes { id } pageInfo { endCursor } } }")
    assert "-> Listing[SData, SDataRowsNodes]:" in short["text"]
    with pytest.raises(BadDocuments, match="edges"):
        module("query L($after: String) { rows(after: $after) { pageInfo { endCursor } } }")


def test_a_text_has_the_fragments_that_it_uses_and_no_others() -> None:
    made = module("query Q { row { ...A } } fragment A on Row { id } fragment B on Row { id }")

    assert "fragment A" in made["q"]().text
    assert "fragment B" not in made["q"]().text
    manifest = generator_of(SCHEMA, "query Q { row { id } }").manifest()
    assert list(manifest) == [module("query Q { row { id } }")["q"]().document_id]


@pytest.mark.parametrize(
    ("documents", "why"),
    [
        ("query Q { nothing }", "Cannot query field"),
        ("mutation M($p: Part!) { add(part: $p) { rows { id } } other { rows { id } } }", "several fields"),
        ("{ row { id } }", "no name"),
        ("query Q { row { id } } query R { row { ...QData } } fragment QData on Row { id }", "two types"),
    ],
)
def test_what_cannot_be_typed_is_told(documents: str, why: str) -> None:
    with pytest.raises(BadDocuments, match=why):
        module(documents)


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema, documents, into = tmp_path / "schema.graphql", tmp_path / "documents", tmp_path / "operations.py"
    documents.mkdir()
    schema.write_text(SCHEMA)
    command = [str(schema), str(documents), "--into", str(into)]
    assert main(command) == 1
    assert "no .graphql file" in capsys.readouterr().err

    (documents / "q.graphql").write_text("query Q { row { id } ")
    assert main(command) == 1
    assert "Syntax Error" in capsys.readouterr().err
    (documents / "q.graphql").write_text("query Q { row { id } }")
    assert main(command) == 0
    assert "def q()" in into.read_text()
