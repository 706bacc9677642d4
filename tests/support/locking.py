"""What a step of the migrations does that stops those who work meanwhile, or that the version before cannot live with.

A step is SQL, read by PostgreSQL's own parser. Of tables that the step itself creates nothing is said: nobody uses them yet.
What a transaction locks it holds to its end, and whoever asks for the table meanwhile waits. So a step may add what is empty
(expand), and takes away only what the released version no longer uses (contract).
"""

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import AlterTableType as Change
from pglast.enums import ConstrType, ObjectType
from pglast.visitors import Visitor

INSTANT = frozenset({"now", "transaction_timestamp"})
"""Functions that a default may call: their value is the same for every row, so that none is written."""
_ROWS = "writes the rows that there are: let a job do that, in batches"
_SCANS = "reads the whole table, and locks it: ADD … NOT VALID, and VALIDATE CONSTRAINT in a step of its own"
_TAKES_AWAY = "is used by the version before: take it away in the release after"
_CHECKED = (ConstrType.CONSTR_CHECK, ConstrType.CONSTR_FOREIGN)
_INDEXED = (ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_EXCLUSION)
_CHANGES: dict[Change, str] = {
    Change.AT_SetNotNull: "reads the whole table, and locks it: CHECK (… IS NOT NULL) NOT VALID, and validate that",
    Change.AT_AlterColumnType: "writes the whole table anew, and locks it: add a column beside it",
    Change.AT_DropColumn: _TAKES_AWAY,
    Change.AT_SetLogged: "writes the whole table anew, and locks it",
    Change.AT_SetUnLogged: "writes the whole table anew, and locks it",
    Change.AT_NoForceRowSecurity: _ROWS,
    Change.AT_DisableRowSecurity: "takes the tenants' rows out of their policies",
}
_STATEMENTS: dict[type, str] = {
    ast.UpdateStmt: _ROWS,
    ast.DeleteStmt: _ROWS,
    ast.TruncateStmt: "empties a table, and locks it",
    ast.LockStmt: "locks a table",
    ast.ClusterStmt: "writes the whole table anew, and locks it",
    ast.VacuumStmt: "cannot be a part of a step",
    ast.DoStmt: "cannot be judged: write what it does as statements",
    ast.RenameStmt: "is known to the version before by its old name: add another, and take this away in the release after",
}


def faults(sql: str) -> list[str]:
    """What is wrong with a step, each with the beginning of its statement."""
    statements: list[Any] = [raw.stmt for raw in parse_sql(sql)]
    new = {_table(s) for s in statements if isinstance(s, ast.CreateStmt)}
    found = [f"{_told(s)}: {fault}" for s in statements for fault in _faults(s, new)]
    validating = [s for s in statements if _validates(s)]
    if validating and len(validating) < len(statements):
        found.append("VALIDATE CONSTRAINT reads the whole table: in a step of its own, or others wait for its locks")
    concurrent = [s for s in statements if getattr(s, "concurrent", False)]
    if concurrent and len(concurrent) < len(statements):
        found.append("CONCURRENTLY is in a step of its own, outside of a transaction")
    return found


def _told(statement: Any) -> str:
    name = type(statement).__name__.removesuffix("Stmt")
    return f"{name} {table}" if (table := _table(statement)) else name


def _table(statement: Any) -> str:
    relation = getattr(statement, "relation", None)
    return str(relation.relname) if isinstance(relation, ast.RangeVar) else ""


def _validates(statement: Any) -> bool:
    return isinstance(statement, ast.AlterTableStmt) and any(
        command.subtype == Change.AT_ValidateConstraint for command in statement.cmds or ()
    )


def _faults(statement: Any, new: set[str]) -> Iterator[str]:
    if _table(statement) in new:
        return
    if (fault := _STATEMENTS.get(type(statement))) is not None:
        yield fault
    elif isinstance(statement, ast.InsertStmt):
        source: Any = statement.selectStmt
        if source is not None and not source.valuesLists:
            yield _ROWS
    elif isinstance(statement, ast.IndexStmt) and not statement.concurrent:
        yield "holds back all who write, for as long as it takes: CREATE INDEX CONCURRENTLY, in a step of its own"
    elif isinstance(statement, ast.DropStmt):
        yield from _faults_of_drop(statement)
    elif isinstance(statement, ast.AlterTableStmt):
        for command in statement.cmds or ():
            yield from _faults_of_change(command)


def _faults_of_drop(statement: ast.DropStmt) -> Iterator[str]:
    if statement.removeType in (ObjectType.OBJECT_TABLE, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_FUNCTION):
        yield _TAKES_AWAY
    elif statement.removeType == ObjectType.OBJECT_INDEX and not statement.concurrent:
        yield "locks the table: DROP INDEX CONCURRENTLY, in a step of its own"


def _faults_of_change(command: Any) -> Iterator[str]:
    if (fault := _CHANGES.get(command.subtype)) is not None:
        yield fault
    elif command.subtype == Change.AT_AddColumn:
        yield from _faults_of_column(command.def_)
    elif command.subtype == Change.AT_ColumnDefault and command.def_ is None:
        yield _TAKES_AWAY
    elif command.subtype == Change.AT_AddConstraint:
        yield from _faults_of_constraint(command.def_)


def _faults_of_column(column: Any) -> Iterator[str]:
    constraints = {constraint.contype: constraint for constraint in column.constraints or ()}
    default = constraints.get(ConstrType.CONSTR_DEFAULT)
    if ConstrType.CONSTR_NOTNULL in constraints and default is None:
        yield "is not given by the version before: a default, or null"
    if default is not None and set(_calls(default.raw_expr)) - INSTANT:
        yield "writes the whole table anew, and locks it: a constant as the default"
    if {ConstrType.CONSTR_GENERATED, ConstrType.CONSTR_IDENTITY} & constraints.keys() or _is_serial(column):
        yield "writes the whole table anew, and locks it: a column that the app writes"
    for constraint in constraints.values():
        yield from _faults_of_constraint(constraint)


def _is_serial(column: Any) -> bool:
    return str(column.typeName.names[-1].sval).endswith("serial")


def _faults_of_constraint(constraint: Any) -> Iterator[str]:
    if constraint.contype in _CHECKED and not constraint.skip_validation:
        yield _SCANS
    if constraint.contype in _INDEXED and not constraint.indexname:
        yield "makes an index under a lock: CREATE UNIQUE INDEX CONCURRENTLY, and ADD … USING INDEX in a later step"


def _calls(expression: Any) -> Iterator[str]:
    found: list[str] = []

    class Calls(Visitor):
        def visit_FuncCall(self, _: Any, node: Any) -> None:  # noqa: N802 - as pglast names it
            found.append(str(node.funcname[-1].sval))

    Calls()(expression)
    yield from found
