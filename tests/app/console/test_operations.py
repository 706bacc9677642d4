"""The console's documents: each is valid against the schema, and comes with its fragments."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from app.console.operations import read_operations
from app.console.routes import FOLDER

SCHEMA = Path(__file__).parents[3] / "schema.graphql"


def test_each_document_is_valid_by_itself() -> None:
    schema = build_schema(SCHEMA.read_text(encoding="utf-8"))
    documents = read_operations(FOLDER / "operations")
    assert {"Viewer", "Customers", "PreviewAdjustment", "Adjust", "FollowRequests"} <= documents.keys()
    for name, text in documents.items():
        assert validate(schema, parse(text)) == [], name
        assert text.count(" ...Refusal") == 0 or "fragment Refusal" in text, name


def test_fragments_come_once_however_deep(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text("query A { a { ...One ...Two } } fragment One on X { ...Two }")
    (tmp_path / "b.graphql").write_text("fragment Two on X { b ...One } query B { b }")
    documents = read_operations(tmp_path)
    assert documents.keys() == {"A", "B"}
    assert [documents["A"].count(f"fragment {name} ") for name in ("One", "Two")] == [1, 1]
    assert "fragment" not in documents["B"]


@pytest.mark.parametrize("text", ["query A { a } query A { b }", "{ a }"])
def test_names_are_needed_and_one_of_a_kind(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text(text)
    with pytest.raises(ValueError, match="twice, or has no name"):
        read_operations(tmp_path)
