"""The files of the steps are complete in themselves, never edited once released, and change one thing a statement."""

from __future__ import annotations

import ast
import hashlib
import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import migrations
from migrations.steps import sql
from scripts.step_runners import CONCURRENT, RUNNER, runner_of, write_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = Path(migrations.__file__).parent
RUNNERS: Final = sorted((FOLDER / "models").glob("[0-9]*_*.py"), key=lambda path: int(path.name.split("_")[0]))
STEPS: Final = sorted({path.stem for path in (FOLDER / "sql").iterdir()}, key=lambda name: int(name.split("_")[0]))
RELEASED: Final = {
    "0_init": "1c01e174b8661a91be641d01bc838a5ffe520cdd436069d7dbd3959fd159c1d8",
    "1_undoing_and_orders": "31a86e5c1d18d9105cb1ff009259faf3a7bc170361a7a828731e358d6f259282",
    "2_access": "3ccd3b6a664552bae586e516f2ea23a93a21fe357ff34d35e0dcc9cb532955ea",
}
"""Each released step, with the SHA-256 of its statements: comments may get better. A release adds its steps here."""
MAY_IMPORT: Final = {"tortoise", "migrations.steps"}
CHECKS_FIRST: Final = {"3_20261128120000_nothing_forgets": "migrations.clashing_names"}
"""Steps that do something in Python before their SQL, and in which module."""
TOKEN: Final = re.compile(
    r"""--[^\n]*|/\*.*?\*/|(?P<tag>\$\w*\$)(?P<body>.*?)(?P=tag)|'(?:[^']|'')*'|"[^"]*"|[\w.]+|\s+|.""", re.DOTALL
)


def statements(text: str) -> Iterator[list[str]]:
    """Each statement as its words, in capitals and without comments; the statements in functions' bodies come first."""
    words: list[str] = []
    for token in TOKEN.finditer(text):
        word = token[0]
        if token["body"] is not None:
            yield from statements(token["body"])
            word = "$$"
        if word.isspace() or word.startswith(("--", "/*")):
            continue
        if word == ";":
            yield words
            words = []
        else:
            words.append(word if word[0] in "'\"" else word.upper())
    if words:
        yield words


def several_changes(text: str) -> list[str]:
    """The statements `ALTER TABLE` with more than one subcommand: engines that distribute tables take one at a time."""
    found = []
    for words in statements(text):
        for start in (n for n, word in enumerate(words) if words[n : n + 2] == ["ALTER", "TABLE"]):
            depth = 0
            for word in words[start:]:
                depth += (word == "(") - (word == ")")
                if word == "," and depth == 0:
                    found.append(" ".join(words[start : start + 6]))
                    break
    return found


def selects_in_policies(text: str) -> list[str]:
    """The policies with a sub-select, which those engines refuse."""
    return [
        " ".join(words[:5])
        for words in statements(text)
        if "POLICY" in words[:2] and ["(", "SELECT"] in map(list, pairwise(words))
    ]


def digest(text: str) -> str:
    """SHA-256 of the statements, whatever their spaces and comments."""
    return hashlib.sha256("\n".join(" ".join(words) for words in statements(text)).encode()).hexdigest()


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_each_step_is_run_by_a_file_and_each_file_runs_its_own() -> None:
    run = []
    for runner in RUNNERS:
        number, _, name = runner.stem.split("_", 2)
        (asked,) = re.findall(r'return (?:sql\(|await one_by_one\(db, )"(\w+)"\)', runner.read_text())
        assert asked.split("_")[0] == number
        assert asked == f"{number}_{name}"
        run.append(asked)
    assert run == STEPS
    assert [int(step.split("_")[0]) for step in STEPS] == list(range(len(STEPS)))


def test_the_file_that_runs_a_step_is_written(tmp_path: Path) -> None:
    for folder in ("models", "sql/0_first"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "sql" / "1_second.sql").write_text("-- Telephone numbers of customers. One\n-- each.\n\nSELECT 1;\n")
    (tmp_path / "models" / "0_20260101120000_first.py").touch()

    (written,) = write_missing(tmp_path, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    assert written.name == "1_20260102030405_second.py"
    assert written.read_text() == RUNNER.format(title="Telephone numbers of customers.", step="1_second")
    assert write_missing(tmp_path, datetime(2026, 1, 3, tzinfo=UTC)) == []

    (tmp_path / "sql" / "2_index").mkdir()
    (tmp_path / "sql" / "2_index" / "1_drop.sql").write_text("DROP INDEX CONCURRENTLY IF EXISTS a;\n")
    (written,) = write_missing(tmp_path, datetime(2026, 1, 4, tzinfo=UTC))
    assert written.read_text() == CONCURRENT.format(title="Index.", step="2_index")
    assert "RUN_IN_TRANSACTION = False" in CONCURRENT
    assert 'return await one_by_one(db, "{step}")' in CONCURRENT
    assert runner_of("-- Not CONCURRENTLY\nSELECT 1;") == RUNNER


@pytest.mark.parametrize(
    "runner", [path for path in RUNNERS if path.stem not in CHECKS_FIRST], ids=lambda path: path.stem
)
def test_it_is_as_it_is_written(runner: Path) -> None:
    text = runner.read_text()
    step = re.sub(r"_\d+_", "_", runner.stem, count=1)
    assert text == runner_of(sql(step)).format(title=text.split('"""')[1], step=step)


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda path: path.stem)
def test_a_step_imports_no_other_and_nothing_of_the_app(runner: Path) -> None:
    allowed = MAY_IMPORT | {name for step, name in CHECKS_FIRST.items() if step == runner.stem}
    assert imports(runner) <= allowed


@pytest.mark.parametrize("module", ["steps", *{name.split(".")[1] for name in CHECKS_FIRST.values()}])
def test_nor_does_what_it_imports(module: str) -> None:
    assert imports(FOLDER / f"{module}.py") <= {"pathlib", "tortoise", "typing"}


@pytest.mark.parametrize("step", RELEASED)
def test_what_is_released_is_not_edited(step: str) -> None:
    assert digest(sql(step)) == RELEASED[step]


def test_an_edit_would_be_noticed() -> None:
    text = sql("0_init")
    assert digest(text.replace("varchar(63)", "varchar(64)")) != digest(text)
    assert digest(f"-- One more comment\n{text}") == digest(text)


@pytest.mark.parametrize("step", [step for step in STEPS if step not in RELEASED])
def test_later_steps_change_one_thing_a_statement(step: str) -> None:
    text = sql(step)
    assert list(statements(text))
    assert several_changes(text) == []
    assert selects_in_policies(text) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("ALTER TABLE tiers ADD COLUMN a int, ADD COLUMN b int;", ["ALTER TABLE TIERS ADD COLUMN A"]),
        ("alter table only tiers drop column a, drop column b", ["ALTER TABLE ONLY TIERS DROP COLUMN"]),
        (
            "ALTER TABLE tiers -- a,\n ADD CHECK (name IN ('A', 'B')),\n DROP COLUMN a;",
            ["ALTER TABLE TIERS ADD CHECK ("],
        ),
        (
            "DO $$ BEGIN IF true THEN ALTER TABLE tiers ADD a int, ADD b int; END IF; END $$;",
            ["ALTER TABLE TIERS ADD A INT"],
        ),
        ("ALTER TABLE tiers ADD CHECK (name IN ('A,', 'B'));", []),
        ("ALTER TABLE tiers ADD COLUMN a numeric(20, 4); -- , ADD COLUMN b int\nSELECT 1, 2;", []),
        ("CREATE TABLE t (a int, b int); ALTER TABLE t ADD c int; GRANT SELECT, INSERT ON t TO x;", []),
        ("ALTER TABLE t ADD UNIQUE (a, b);", []),
    ],
)
def test_several_changes_would_be_found(planted: str, found: list[str]) -> None:
    assert several_changes(planted) == found


def test_a_select_in_a_policy_would_be_found() -> None:
    planted = "CREATE POLICY own ON t USING (id = (SELECT nullif(current_setting('x'), '')::uuid));"
    assert selects_in_policies(planted) == ["CREATE POLICY OWN ON T"]
    assert selects_in_policies("CREATE POLICY own ON t FOR SELECT USING (true);") == []
    assert selects_in_policies("CREATE POLICY own ON t USING (id = current_setting('x')::uuid);") == []
    assert selects_in_policies(sql("0_init"))
