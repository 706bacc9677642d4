"""What a statement has that a database of several machines, each with some of the tenants, could not run.

Read by PostgreSQL's own parser. Every table in a statement names the tenant itself, in each query of it: that leads to one
machine, and no machine has to be asked which. What is inserted is selected from the tenant's row, and not from arrays alone.
What is set for a transaction is sent by itself, or within a DO block: such a database sends the whole message again for
each SET.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, JoinType

TENANT: Final = {"tenants": "id"}
"""The column that says whose a row is, where that is not `tenant_id`."""
CATALOGUE: Final = "pg_"
"""How tables begin that every machine has of its own."""

UNSTEADY: Final = frozenset({"jsonb_build_object", "jsonb_build_array", "to_jsonb", "to_json", "concat", "format"})
"""Functions of columns that are refused in an UPDATE, since two nodes' settings might make two results of them."""

_BRANCH: Final = "a condition in each branch of the trail, and PostgreSQL would not take each in its index's order"
_TORTOISE: Final = "written by Tortoise, which has the id first"
ELSEWHERE: Final[Mapping[tuple[str, str], str]] = {
    ("models/operations/create_tenant.py _set_up", "limit_rules: inserted with another tenant_id than $1"): _TORTOISE,
    ("models/operations/create_tenant.py _set_up", "reasons: inserted with another tenant_id than $1"): _TORTOISE,
    (
        "models/session.py question",
        "tenant_slugs tenant_slugs: no tenant_id = $1",
    ): "what a slug is: nobody knows whose it is before, and every machine has all of them",
    ("models/session.py question", "set_config, which is not passed on"): "for the policy of that table",
    (
        "models/reads/webhooks.py keys_in_use",
        "tenants tenants: no id = $1",
    ): "an operator's look at all tenants in turn",
    ("models/reads/paging.py load_pages", "transactions x: no tenant_id = $1"): _BRANCH,
    ("models/reads/paging.py load_pages", "audit_events y: no tenant_id = $1"): _BRANCH,
    ("models/reads/counts.py count_rows", "transactions x: no tenant_id = $1"): _BRANCH,
    ("models/reads/counts.py count_rows", "audit_events y: no tenant_id = $1"): _BRANCH,
}
"""What does not lead to one tenant's machine, by the function that asks: why it may."""


@lru_cache(maxsize=4_096)
def faults(sql: str) -> tuple[str, ...]:
    """What is wrong with a statement, or with a message of several."""
    statements = [raw.stmt for raw in parse_sql(sql)]
    found = []
    if len(statements) > 1:
        found += [f"SET {s.name} beside other statements" for s in statements if isinstance(s, ast.VariableSetStmt)]
    for statement in statements:
        nodes = list(nodes_of(statement))
        names = {str(node.ctename) for node in nodes if isinstance(node, ast.CommonTableExpr)}
        for node in nodes:
            if isinstance(node, ast.CaseExpr) and node.arg is not None:
                found.append("CASE of a value, which is passed on as another")
            if isinstance(node, ast.FuncCall) and _is_ours(node):
                found.append("set_config, which is not passed on")
            if isinstance(node, ast.UpdateStmt):
                found += [f"{name} in an UPDATE" for name in _unsteady(node)]
            if isinstance(node, ast.SelectStmt | ast.UpdateStmt | ast.DeleteStmt | ast.InsertStmt):
                found += _faults_of(node, names)
    return tuple(found)


def _is_ours(call: Any) -> bool:
    """Whether it sets something of Scrip's own."""
    setting = call.args[0].val if call.args and isinstance(call.args[0], ast.A_Const) else None
    return call.funcname[-1].sval == "set_config" and str(getattr(setting, "sval", "")).startswith("scrip.")


def _unsteady(update: Any) -> Iterator[str]:
    for node in nodes_of(update.targetList):
        if isinstance(node, ast.FuncCall) and node.funcname:
            name = str(node.funcname[-1].sval)
            if name in UNSTEADY:
                yield name


def nodes_of(node: Any) -> Iterator[Any]:
    """A part of a statement, and all parts of it."""
    if isinstance(node, ast.Node):
        yield node
        for name in node:
            yield from nodes_of(getattr(node, name))
    elif isinstance(node, tuple):
        for each in node:
            yield from nodes_of(each)


def _faults_of(node: Any, names: set[str]) -> Iterator[str]:
    tables = [
        table for table in tables_of(node) if table.relname not in names and not table.relname.startswith(CATALOGUE)
    ]
    conditions = list(_conditions(node))
    for table in tables:
        column = TENANT.get(table.relname, "tenant_id")
        alias = table.alias.aliasname if table.alias else table.relname
        wanted: set[tuple[str, ...]] = {(alias, column)} | ({(column,)} if len(tables) == 1 else set())
        if not any(_says(condition, wanted) for condition in conditions):
            yield f"{table.relname} {alias}: no {column} = $1"
    if isinstance(node, ast.InsertStmt):
        yield from _faults_of_insert(node, names)


def tables_of(node: Any) -> Iterator[Any]:
    """Those of this very query."""
    if isinstance(node, ast.UpdateStmt | ast.DeleteStmt):
        yield node.relation
    clause = {ast.DeleteStmt: "usingClause", ast.InsertStmt: None}.get(type(node), "fromClause")
    for item in getattr(node, clause) or () if clause else ():
        yield from (table for table, _ in _joined(item))


def _joined(item: Any, *, may_be_missing: bool = False) -> Iterator[tuple[Any, bool]]:
    if isinstance(item, ast.RangeVar):
        yield item, may_be_missing
    elif isinstance(item, ast.JoinExpr):
        yield from _joined(item.larg, may_be_missing=may_be_missing)
        yield from _joined(item.rarg, may_be_missing=may_be_missing or item.jointype == JoinType.JOIN_LEFT)


def _conditions(node: Any) -> Iterator[Any]:
    if not isinstance(node, ast.InsertStmt):
        yield from _parts(node.whereClause)
    for name in ("fromClause", "usingClause"):
        for item in getattr(node, name, None) or ():
            yield from _join_conditions(item)


def _join_conditions(item: Any) -> Iterator[Any]:
    if isinstance(item, ast.JoinExpr):
        yield from _parts(item.quals)
        yield from _join_conditions(item.larg)
        yield from _join_conditions(item.rarg)


def _parts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
        for each in condition.args or ():
            yield from _parts(each)
    elif condition is not None:
        yield condition


def _says(condition: Any, columns: set[tuple[str, ...]]) -> bool:
    """Whether it is `column = $1`."""
    if not isinstance(condition, ast.A_Expr) or condition.kind != A_Expr_Kind.AEXPR_OP:
        return False
    operator: tuple[Any, ...] = condition.name or ()
    return operator[0].sval == "=" and _column(condition.lexpr) in columns and _is_first(condition.rexpr)


def _column(node: Any) -> tuple[str, ...]:
    if not isinstance(node, ast.ColumnRef):
        return ()
    fields: tuple[Any, ...] = node.fields or ()
    return tuple(str(each.sval) for each in fields if isinstance(each, ast.String))


def _is_first(node: Any) -> bool:
    if isinstance(node, ast.TypeCast):
        node = node.arg
    return isinstance(node, ast.ParamRef) and node.number == 1


def _faults_of_insert(node: Any, names: set[str]) -> Iterator[str]:
    columns = [column.name for column in node.cols or ()]
    own = TENANT.get(node.relation.relname, "tenant_id")
    if own not in columns:
        yield f"{node.relation.relname}: inserted without {own}"
        return
    place, source = columns.index(own), node.selectStmt
    if node.withClause is not None:
        yield f"{node.relation.relname}: WITH before INSERT, and not before its SELECT"
    if source.valuesLists:
        if not all(_is_first(row[place]) for row in source.valuesLists):
            yield f"{node.relation.relname}: inserted with another {own} than $1"
        return
    tables = [pair for item in source.fromClause or () for pair in _joined(item)]
    if all(missing or table.relname in names for table, missing in tables):
        yield f"{node.relation.relname}: inserted from no table of the tenant's"
    value = source.targetList[place].val
    if _column(value)[-1:] not in (("tenant_id",), ("id",)):
        yield f"{node.relation.relname}: inserted with no column of the tenant's as {own}"
