"""What the house rules forbid, looked for in every file; and that each look finds what it looks for."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "auth", "gateway", "jobs", "models", "resolvers", "schema", "turns")
BESIDE = ("benchmarks", "migrations", "scripts", "tests")
"""Python beside the product: what is said of files as such holds here too."""
FORMATTER_OFF = re.compile(r"#\s*(fmt:\s*(skip|off)|yapf:\s*disable)")
MAX_LINES = 500
MAX_FUNCTION_LINES = 70
INSTANCE_WRITES = {"save", "delete", "bulk_update", "update_from_dict", "refresh_from_db", "update_or_create"}
"""Tortoise knows only `id` as the key: these hit the same id of another tenant, and save() writes stale columns."""


def sources(*packages: str) -> list[Path]:
    """Their files, without the environments that the client tests set up in theirs."""
    all_files = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    found = [path for path in all_files if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    assert found
    return found


def is_queryset(node: ast.expr) -> bool:
    """Whether it is a query: what came of filter(), get() … of a model, however long the chain."""
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr in ("filter", "exclude", "all"):
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def instance_writes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
            # Our own helpers are told by the table's name: no model's method takes a text first.
            ours = bool(node.args) and isinstance(node.args[0], ast.Constant)
            if name in INSTANCE_WRITES and not ours and not is_queryset(node.func.value):
                yield f"line {node.lineno}: {name}()"


def environment_reads(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb", "putenv"):
            yield f"line {node.lineno}: {node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            names = {alias.name for alias in node.names} & {"environ", "environb", "getenv", "getenvb", "putenv"}
            yield from (f"line {node.lineno}: {name}" for name in names)


def clocks_and_dice(tree: ast.AST) -> Iterator[str]:
    """Time and randomness that were not passed in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today") and not is_books(node.value):
            yield f"line {node.lineno}: {node.attr}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = {node.module} if isinstance(node, ast.ImportFrom) else {alias.name for alias in node.names}
            drawing = modules & {"random", "secrets", "time", "uuid_utils"}
            yield from (f"line {node.lineno}: {module}" for module in drawing)


def wall_clocks(tree: ast.AST) -> Iterator[str]:
    """This machine's idea of what time it is. (Durations may be measured.)"""
    telling = {"time", "time_ns", "clock_gettime", "clock_gettime_ns", "gmtime", "localtime"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (
            (node.attr in ("now", "utcnow", "today") and getattr(node.value, "id", None) in ("datetime", "date"))
            or (node.attr in telling and getattr(node.value, "id", None) == "time")
        ):
            yield f"line {node.lineno}: {node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"line {node.lineno}: {alias.name}" for alias in node.names if alias.name in telling)


SQL = re.compile(
    r"\s*(?:(?:SELECT|INSERT|UPDATE|DELETE|WITH|SET|SHOW|BEGIN|CREATE|ALTER|DROP|GRANT|LOCK|TRUNCATE|COPY|CALL)\s"
    r"|select\s|insert into\s|update \w+ set\s|delete from\s|with \w+ as\s)"
)
DATABASE_DOORS = {"tenant_transaction", "asyncpg", "tortoise", "using_db"}


def statements(tree: ast.AST) -> Iterator[str]:
    """Texts that begin like SQL, and the ways to send it. What a function or a module is for is told in other words."""
    explained = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in explained else None
        if isinstance(text, str) and SQL.match(text):
            yield f"line {getattr(node, 'lineno', 0)}: {text.strip()[:30]}"
        named = {
            *([node.module.split(".")[0]] if isinstance(node, ast.ImportFrom) and node.module else ()),
            *(
                (alias.name.split(".")[0] for alias in node.names)
                if isinstance(node, ast.Import | ast.ImportFrom)
                else ()
            ),
            *([node.arg] if isinstance(node, ast.keyword) and node.arg else ()),
            *([node.attr] if isinstance(node, ast.Attribute) else ()),
        }
        yield from (f"line {getattr(node, 'lineno', 0)}: {name}" for name in named & DATABASE_DOORS)


def is_books(node: ast.expr) -> bool:
    return getattr(node, "id", None) == "books" or getattr(node, "attr", None) == "books"


def swallowed(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {node.lineno}: bare except"


def offenders(paths: list[Path], look: object) -> dict[str, list[str]]:
    assert callable(look)
    found = {str(path.relative_to(ROOT)): list(look(ast.parse(path.read_text()))) for path in paths}
    return {path: lines for path, lines in found.items() if lines}


def present() -> tuple[str, ...]:
    return tuple(package for package in PACKAGES if (ROOT / package).is_dir())


def test_no_instance_of_a_model_writes_itself() -> None:
    assert offenders(sources(*present()), instance_writes) == {}


def test_only_the_app_reads_the_environment() -> None:
    others = [package for package in present() if package != "app"]
    assert offenders(sources(*others), environment_reads) == {}


def test_plans_take_time_and_chance_from_outside() -> None:
    pure = [*sources("models/planning"), *(ROOT / "models" / f"{name}.py" for name in ("money", "errors", "names"))]
    assert offenders(pure, clocks_and_dice) == {}


def test_below_the_app_only_the_sources_look_at_the_wall_clock() -> None:
    """The database's clock is the ledger's, and `models/sources.py` compares the two."""
    others = [package for package in present() if package != "app"]
    found = offenders(sources(*others), wall_clocks)
    assert set(found) == {"models/sources.py"}


def test_there_is_no_sql_outside_the_models() -> None:
    """Of the server as a whole, its roles, version and migrations, `app/postgres` takes care, as the tables' owner."""
    others = [path for path in sources(*present()) if not is_within(path, "models", "app/postgres")]
    assert offenders(others, statements) == {}


def test_who_takes_care_of_the_server_names_none_of_its_tables() -> None:
    tables = set(re.findall(r'^\s+table = "(\w+)"', "\n".join(p.read_text() for p in sources("models/tables")), re.M))
    assert len(tables) > 20
    named = {
        word
        for path in sources("app/postgres")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
        for word in re.findall(r"\w+", node.value)
    }
    assert named & tables == set()
    assert "pg_roles" in named


def is_within(path: Path, *folders: str) -> bool:
    return any(path.is_relative_to(ROOT / folder) for folder in folders)


def test_no_exception_is_swallowed() -> None:
    assert offenders(sources(*present()), swallowed) == {}


def test_files_and_functions_stay_small() -> None:
    long = {}
    for path in sources(*present()):
        text = path.read_text()
        if len(text.splitlines()) >= MAX_LINES:
            long[str(path.relative_to(ROOT))] = "file"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = f"{lines} lines"
    assert long == {}


def opted_out(text: str) -> list[str]:
    """The remarks that keep the formatter out."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT and FORMATTER_OFF.match(token.string)]


def test_the_formatter_has_its_way() -> None:
    """But for the table of rights, which is read down its columns."""
    out = {str(path.relative_to(ROOT)): opted_out(path.read_text()) for path in sources(*present(), *BESIDE)}
    assert {path: remarks for path, remarks in out.items() if remarks} == {"auth/roles.py": ["# fmt: off"]}


def test_a_remark_that_keeps_the_formatter_out_is_found() -> None:
    assert opted_out("x = [\n    1, 2,\n]  # fmt: skip\n# fmt: off\n# fmt: on\n") == ["# fmt: skip", "# fmt: off"]
    assert opted_out('x = "# fmt: skip"\n') == []


@pytest.mark.parametrize(
    ("look", "code"),
    [
        (instance_writes, "async def f(row):\n    await row.save()"),
        (instance_writes, "async def f(row):\n    await (await Tier.get(id=1)).delete()"),
        (instance_writes, "async def f(rows):\n    await Tier.bulk_update(rows, ['name'])"),
        (environment_reads, "import os\nx = os.environ['X']"),
        (environment_reads, "from os import getenv"),
        (clocks_and_dice, "from datetime import datetime\nx = datetime.now()"),
        (clocks_and_dice, "import random"),
        (wall_clocks, "from datetime import datetime\nx = datetime.now(UTC)"),
        (wall_clocks, "from datetime import date\nx = date.today()"),
        (wall_clocks, "import time\nx = time.time()"),
        (wall_clocks, "from time import monotonic, time_ns"),
        (statements, 'QUERY = "SELECT id FROM customers"'),
        (statements, 'QUERY = f"""\n    select {columns} from credits t"""'),
        (statements, 'run("update credits set remaining_minor = 0")'),
        (statements, 'run("with k as (select 1) select 1")'),
        (statements, "import asyncpg"),
        (statements, "from tortoise.transactions import in_transaction"),
        (statements, "from models.session import tenant_transaction"),
        (statements, "import models.session\nmodels.session.tenant_transaction(t)"),
        (statements, "rows = Tier.all(using_db=connection)"),
        (swallowed, "try:\n    f()\nexcept:\n    pass"),
    ],
)
def test_each_look_finds_what_it_looks_for(look: object, code: str) -> None:
    assert callable(look)
    assert list(look(ast.parse(code)))


def test_a_query_may_write() -> None:
    assert list(instance_writes(ast.parse("Tier.filter(tenant_id=t, id=i).using_db(c).delete()"))) == []


def test_english_is_not_sql() -> None:
    """Sentences that begin as a statement could."""
    said = ["Select a customer.", "Set how much a role may add.", "with a note", "Update a tier.", "delete it"]
    assert list(statements(ast.parse(repr(said)))) == []
    assert list(statements(ast.parse('def f():\n    """SELECT is what it is about."""'))) == []
