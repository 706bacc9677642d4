"""Exits with status 1 if the schema breaks clients of the last release: `docs/compatibility.md` says what that is.

`contract/released.graphql` is the last release's schema.graphql, kept here since a clone may come without tags. A
change that breaks it once all the same stands in `contract/allowed_changes.toml`, with its reason. `make check` runs this.
"""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from graphql import (
    BreakingChange,
    DangerousChange,
    DangerousChangeType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
)

ROOT: Final = Path(__file__).parents[1]
NOW: Final = "schema.graphql"
RELEASED: Final = "contract/released.graphql"
ALLOWED: Final = "contract/allowed_changes.toml"
_ALSO_BREAKING: Final = (
    DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
    DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
)
"""graphql-core calls them dangerous. A client that leaves the value out then asks for something else."""


def breaking_changes(released: GraphQLSchema, now: GraphQLSchema) -> dict[str, str]:
    """The changes that break a client written for `released`: each in words, with its kind."""
    changes: list[BreakingChange | DangerousChange] = [*find_breaking_changes(released, now)]
    changes += [change for change in find_dangerous_changes(released, now) if change.type in _ALSO_BREAKING]
    found = {change.description: change.type.name for change in changes}
    for name, type_ in released.type_map.items():
        other = now.type_map.get(name)
        if (
            isinstance(type_, GraphQLInputObjectType)
            and isinstance(other, GraphQLInputObjectType)
            and other.is_one_of
            and not type_.is_one_of
        ):
            found[f"Input {name} takes exactly one of its fields."] = "ONE_OF_ADDED"
    return found


def not_deprecated_before(released: GraphQLSchema, now: GraphQLSchema) -> list[str]:
    """Fields that are gone, and that the release did not say would go."""
    return [
        f"{name}.{field}"
        for name, type_ in released.type_map.items()
        if (other := now.type_map.get(name)) is not None
        for field, given in _fields(type_).items()
        if field not in _fields(other) and given.deprecation_reason is None
    ]


def problems(released: str, now: str, allowed: dict[str, Any]) -> list[str]:
    """A line for each thing to be put right. released, now: SDL. allowed: as the file has it."""
    before, after = build_schema(released), build_schema(now)
    found, listed = breaking_changes(before, after), allowed_changes(allowed)
    told = [f"{kind}: {change}" for change, kind in found.items() if change not in listed]
    told += [f"{ALLOWED} lists what does not happen: {change}" for change in listed if change not in found]
    return told + [f"{field} is gone without having been deprecated" for field in not_deprecated_before(before, after)]


def allowed_changes(allowed: dict[str, Any]) -> set[str]:
    """The changes in the file. Raises ValueError for a group without a reason."""
    groups = allowed.get("allowed", [])
    if not all(group.get("reason") for group in groups):
        raise ValueError(f"{ALLOWED}: each group of changes needs its reason")
    return {change for group in groups for change in group["changes"]}


def last_tag() -> str | None:
    """The newest release that this clone knows of; None if it has no tags, or there is no git."""
    return _git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")


def kept_right(tag: str, version: str) -> str | None:
    """The fault of RELEASED, given the last tag and the project's version; None if it is as it should be.

    It is the tag's schema, or, while the next release is being made, what that will be.
    """
    kept = (ROOT / RELEASED).read_text("utf-8")
    if tag.removeprefix("v") == version:
        if kept.strip() != _git("show", f"{tag}:{NOW}"):
            return f"{RELEASED} is not the schema of {tag}: git show {tag}:{NOW} > {RELEASED}"
    elif kept != (ROOT / NOW).read_text("utf-8"):
        return f"Version {version} is not tagged yet, and {RELEASED} is not its schema: cp {NOW} {RELEASED}"
    return None


def main() -> int:
    """Print what is to be put right, and return the exit status."""
    released, now = ((ROOT / name).read_text("utf-8") for name in (RELEASED, NOW))
    told = problems(released, now, tomllib.loads((ROOT / ALLOWED).read_text("utf-8")))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if (tag := last_tag()) is None:
        sys.stdout.write(f"There is no tag in this clone: {RELEASED} is taken for the last release's schema unseen.\n")
    elif (wrong := kept_right(tag, version)) is not None:
        told.append(wrong)
    if told:
        sys.stderr.write(
            "Clients of the last release would break (docs/compatibility.md), or the lists of that are wrong:\n"
        )
        sys.stderr.writelines(f"{line}\n" for line in told)
    return 1 if told else 0


def _fields(type_: object) -> dict[str, GraphQLField | GraphQLInputField]:
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return {**type_.fields}
    return {}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
