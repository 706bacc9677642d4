"""The schema beside the last release's: what breaks clients is refused unless it is allowed, once, with its reason."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

import pytest

from gateway.sdl import sdl
from scripts.check_contract import ALLOWED, RELEASED, ROOT, kept_right, last_tag, problems
from tests.support.schema import SCHEMA

REPLACEMENT: Final = re.compile(r"Use `?(?:(\w+)\.)?(\w+)")

BEFORE = """
type Query { thing(id: ID!, first: Int = 20): Thing things(by: By): [Thing!] }
type Thing { id: ID! name: String! old: Int @deprecated(reason: "Use name.") }
enum Kind { GOOD BAD }
input By { id: ID code: String kind: Kind = GOOD }
"""


def changed(now: str, allowed: list[str] | None = None) -> list[str]:
    groups = [{"reason": "It has to be.", "changes": allowed}] if allowed else []
    return problems(BEFORE, now, {"allowed": groups})


def test_today_s_schema_keeps_what_the_last_release_promised() -> None:
    allowed = tomllib.loads((ROOT / ALLOWED).read_text("utf-8"))
    assert problems((ROOT / RELEASED).read_text("utf-8"), sdl(SCHEMA.graphql), allowed) == []


def deprecated(types: dict[str, Any]) -> Iterator[tuple[str, set[str], str]]:
    """Each deprecated thing, the names beside it, and the reason that it has."""
    for name, type_ in types.items():
        members = {**getattr(type_, "fields", {}), **getattr(type_, "values", {})}
        for member, given in members.items():
            arguments = getattr(given, "args", None) or {}
            if given.deprecation_reason is not None:
                yield f"{name}.{member}", set(members), given.deprecation_reason
            for argument, of in arguments.items():
                if of.deprecation_reason is not None:
                    yield f"{name}.{member}({argument})", {*arguments, *members}, of.deprecation_reason


def test_what_is_deprecated_says_what_to_use_instead() -> None:
    types = SCHEMA.graphql.type_map
    found = list(deprecated(types))
    assert len(found) >= 2
    for where, beside, reason in found:
        instead = REPLACEMENT.match(reason)
        assert instead, f"{where}: {reason}"
        type_name, member = instead.groups()
        known = beside if type_name is None else getattr(types.get(type_name), "fields", {})
        assert member in known, f"{where}: {reason}"


def test_what_is_kept_is_the_release() -> None:
    """In a clone that has tags; another has nothing to compare it with."""
    if (tag := last_tag()) is not None:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        assert kept_right(tag, version) is None
        assert "is not the schema of" in (kept_right(tag, tag.removeprefix("v")) or "is not the schema of")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: String! ", "", "FIELD_REMOVED: Field Thing.name was removed."),
        ("name: String!", "name: String", "FIELD_CHANGED_KIND: Field Thing.name changed type from String! to String."),
        ("GOOD BAD", "GOOD", "VALUE_REMOVED_FROM_ENUM: Enum value Kind.BAD was removed."),
        ("code: String", "code: String!", "FIELD_CHANGED_KIND: "),
        ("input By {", "input By { more: Int!", "REQUIRED_INPUT_FIELD_ADDED: "),
        ("(id: ID!,", "(id: ID!, more: Int!,", "REQUIRED_ARG_ADDED: "),
        ("first: Int = 20", "first: Int = 50", "ARG_DEFAULT_VALUE_CHANGE: "),
        ("kind: Kind = GOOD", "kind: Kind = BAD", "INPUT_FIELD_DEFAULT_VALUE_CHANGE: "),
        ("input By {", "input By @oneOf {", "ONE_OF_ADDED: "),
    ],
)
def test_what_breaks_a_client_is_refused(old: str, new: str, problem: str) -> None:
    now = BEFORE.replace(old, new)
    assert now != BEFORE
    if "@oneOf" in now:
        now = now.replace("kind: Kind = GOOD", "kind: Kind")
    assert any(line.startswith(problem) for line in changed(now)), changed(now)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: String!", "name: String! more: Int"),
        ("GOOD BAD", "GOOD BAD UGLY"),
        ("code: String", "code: String more: Int"),
        ("(id: ID!,", "(id: ID!, more: Int,"),
        ("name: String!", 'name: String! @deprecated(reason: "Use title.")'),
        ("things(by: By): [Thing!]", "things(by: By): [Thing!]!"),
    ],
)
def test_what_breaks_nobody_is_not(old: str, new: str) -> None:
    assert BEFORE.replace(old, new) != BEFORE
    assert changed(BEFORE.replace(old, new)) == []


def test_it_is_allowed_once_with_a_reason_and_only_after_it_was_deprecated() -> None:
    gone, removed = "Field Thing.old was removed.", BEFORE.replace('old: Int @deprecated(reason: "Use name.") ', "")
    assert changed(removed) == [f"FIELD_REMOVED: {gone}"]
    assert changed(removed, [gone]) == []
    assert changed(BEFORE, [gone]) == [f"{ALLOWED} lists what does not happen: {gone}"]
    other, nameless = "Field Thing.name was removed.", BEFORE.replace("name: String! ", "")
    assert changed(nameless, [other]) == ["Thing.name is gone without having been deprecated"]
    with pytest.raises(ValueError, match="needs its reason"):
        problems(BEFORE, removed, {"allowed": [{"changes": [gone]}]})
