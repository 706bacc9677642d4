"""docs/check_books.py, which knows nothing of Scrip's code, finds what was changed of an export, a receipt, a checkpoint."""

import ast
import base64
import json
import runpy
import shutil
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from app.files.tenant_file import write_tenant
from app.notary import InFolder
from app.postgres.embedded import Urls
from models.checkpoints import Checkpoint
from models.hash_chain import entry_hash_1
from models.operations.keep_checkpoints import keep_checkpoints
from models.reads.receipts import receipt
from models.reads.session import ReadSession
from schema.types.checkpoint import Receipt
from tests.docs.blocks import ROOT
from tests.models.test_hash_chain_1 import CHANGED, FACTS, PREVIOUS
from tests.models.test_make_checkpoint import KEY, KEYS, Elsewhere, last, made
from tests.support.following import in_real_time
from tests.support.tenants import Tenant

SCRIPT: Final = ROOT / "docs" / "check_books.py"
WHEN: Final = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def books(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time() as tenant:
        yield tenant


@pytest.fixture(scope="module")
async def once(books: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys, an export, receipts and three checkpoints, the last of nine accounts."""
    tmp_path = tmp_path_factory.mktemp("once")
    (tmp_path / "kept").mkdir()
    elsewhere, folder = Elsewhere(), InFolder(tmp_path / "kept")
    anna = await books.customer("anna")
    await books.adjust(anna, 50)
    await made(books, elsewhere)
    for n in range(8):
        await books.adjust(await books.customer(f"c{n}"), 7, texts=None)
    for amount in (-20, 5):
        await books.adjust(anna, amount)
    await made(books, elsewhere)
    await books.adjust(anna, 1)
    await made(books, elsewhere)
    await books.adjust(anna, 2)  # in none yet
    assert await keep_checkpoints(books.ledger, books.id, replace(elsewhere.notary, keep=folder.keep)) == 3
    (tmp_path / "keys").write_text(f"{KEY.public.written()}\n")
    await write_tenant(tmp_path / "books.zip", books.id, (), lambda *_: None)
    rows = await books.rows(
        "SELECT account_id, sequence FROM entries WHERE tenant_id = $1 AND created_at < $2 ORDER BY account_id, sequence",
        (await last(books)).until,
    )
    for account, sequence in rows:
        told = await _receipt(books, account, sequence)
        (tmp_path / f"{account}-{sequence}.json").write_text(json.dumps({"data": {"receipt": told}}))
    return tmp_path


@pytest.fixture
def kept(once: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    return Path(shutil.copytree(once, tmp_path / "kept-here"))


async def _receipt(books: Tenant, account: UUID, sequence: int) -> dict[str, Any]:
    """As the API answers it."""
    session = ReadSession(books.id)
    try:
        shown = Receipt.made(await receipt(session, account, sequence))
    finally:
        await session.close()
    assert shown.checkpoint is not None
    names = ("entry", "links", "index", "path")
    return {
        "state": shown.state.value,
        **{name: getattr(shown, name) for name in names},
        "checkpoint": {"note": shown.checkpoint.note},
    }


def check(*files: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run it. Raises SystemExit if something is wrong, with what it says."""
    monkeypatch.setattr(sys, "argv", ["check_books.py", *map(str, files)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_it_is_short_and_needs_none_of_our_code() -> None:
    text = SCRIPT.read_text()
    assert len([line for line in text.splitlines() if line.strip()]) < 100
    named = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for alias in (node.names if isinstance(node, ast.Import) else [])
    } | {str(node.module).split(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert named - sys.stdlib_module_names == {"cryptography"}


def test_all_is_right(kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    receipts = sorted(kept.glob("*.json"))
    check(kept / "keys", kept / "books.zip", kept / "kept", *receipts, monkeypatch=monkeypatch)
    said = capsys.readouterr().out.splitlines()
    assert len(receipts) == 12
    assert said[-2] == "13 entries on 9 accounts, 3 checkpoints"
    assert said[-1].startswith("all is right; 3 checkpoints, signed; 0 of them are without")
    assert sum(line.startswith("entry ") for line in said) == 12


def _changed(field: str) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        value = told[field]
        if isinstance(value, int):
            told[field] = value + 1
        elif field == "entry":
            raw = bytearray(base64.b64decode(value))
            raw[140] ^= 1  # the amount
            told[field] = base64.b64encode(raw).decode()
        else:
            told[field] = value[1:]

    return change


def _of_path(told: dict[str, Any]) -> None:
    told["path"][0] = "00" * 32


def _of_link(told: dict[str, Any]) -> None:
    raw = bytearray(base64.b64decode(told["links"][-1]))
    raw[140] ^= 1
    told["links"][-1] = base64.b64encode(raw).decode()


def _of_note(told: dict[str, Any]) -> None:
    told["checkpoint"]["note"] = told["checkpoint"]["note"].replace("number 3", "number 4")


@pytest.mark.parametrize("change", [*map(_changed, ("entry", "links", "index", "path")), _of_path, _of_link, _of_note])
def test_a_changed_receipt_is_found(
    kept: Path, change: Callable[[dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next(
        file for file in kept.glob("*-1.json") if len(json.loads(file.read_text())["data"]["receipt"]["links"]) > 2
    )
    told = json.loads(file.read_text())
    change(told["data"]["receipt"])
    file.write_text(json.dumps(told))
    with pytest.raises(SystemExit, match="WRONG: "):
        check(kept / "keys", file, monkeypatch=monkeypatch)


def test_what_is_no_receipt_yet_or_not_there_is_said(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept / "pending.json").write_text('{"data": {"receipt": {"state": "PENDING", "entry": null, "checkpoint": null}}}')
    with pytest.raises(SystemExit, match="no receipt, or none yet"):
        check(kept / "keys", kept / "pending.json", monkeypatch=monkeypatch)
    with pytest.raises(SystemExit, match="FileNotFoundError"):
        check(kept / "keys", kept / "nowhere", monkeypatch=monkeypatch)
    (kept / "empty").mkdir()
    with pytest.raises(SystemExit, match="IsADirectoryError"):
        check(kept / "keys", kept / "empty", monkeypatch=monkeypatch)
    with pytest.raises(SystemExit, match="nothing to check"):
        check(kept / "keys", monkeypatch=monkeypatch)


def test_a_checkpoint_that_was_left_out_is_told(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sorted((kept / "kept").rglob("*.txt"))[1].unlink()
    check(kept / "keys", kept / "kept", monkeypatch=monkeypatch)
    assert "2 checkpoints, signed; 1 of them are without the one before" in capsys.readouterr().out


COLUMNS: Final = (
    "id",
    "account_id",
    "transaction_id",
    "credit_id",
    "sequence",
    "amount_minor",
    "lifetime_minor",
    "balance_after_minor",
    "created_at",
    "counter",
    "previous_hash",
    "hash",
)


def _rewrite(file: Path, table: str, column: str, row: int) -> None:
    """Change one field of the export, as whoever has the file could."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    columns = json.loads(members["manifest.json"])["tables"][table]["columns"]
    lines = members[f"tables/{table}.copy"].decode().splitlines()
    fields = lines[row].split("\t")
    at = columns.index(column)
    old = fields[at]
    if column == "created_at":
        fields[at] = old.replace("20", "19", 1)
    elif column.endswith("_minor") or column == "sequence":
        fields[at] = str(int(old) + 1)
    elif column == "counter":
        fields[at] = "REMOVED" if old == "ISSUED" else "ISSUED"
    else:
        fields[at] = old[:-1] + ("0" if old[-1] != "0" else "1")
    lines[row] = "\t".join(fields)
    members[f"tables/{table}.copy"] = ("\n".join(lines) + "\n").encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("column", [*COLUMNS, "digest"])
def test_a_changed_export_is_found(kept: Path, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "transactions" if column == "digest" else "entries"
    _rewrite(kept / "books.zip", table, column, 2)
    with pytest.raises(SystemExit, match="WRONG: "):
        check(kept / "keys", kept / "books.zip", monkeypatch=monkeypatch)


@pytest.mark.parametrize("of", ["tail", "account"])
def test_entries_that_are_missing_are_found(kept: Path, of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept / "books.zip"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    lines = members["tables/entries.copy"].decode().splitlines()
    columns = json.loads(members["manifest.json"])["tables"]["entries"]["columns"]
    account = columns.index("account_id")
    first = lines[0].split("\t")[account]
    of_first = [line for line in lines if line.split("\t")[account] == first]
    gone = of_first[-3:] if of == "tail" else of_first
    members["tables/entries.copy"] = "".join(f"{line}\n" for line in lines if line not in gone).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(SystemExit, match="not those of the last checkpoint"):
        check(kept / "keys", file, monkeypatch=monkeypatch)


def test_checkpoints_that_are_changed_or_strange_are_found(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = sorted((kept / "kept").rglob("*.txt"))[1]
    text = second.read_text()
    for line in range(7):
        lines = text.splitlines()
        lines[line] = lines[line][:-1] + ("0" if lines[line][-1] != "0" else "1")
        second.write_text("\n".join(lines) + "\n")
        with pytest.raises(SystemExit, match="WRONG: "):
            check(kept / "keys", kept / "kept", monkeypatch=monkeypatch)
    made = Checkpoint(UUID(int=1), 1, WHEN, 0, bytes(32), 1, 0, bytes(32), None)
    second.write_text(KEYS.sign(made.text).replace("books.example", "looks.example"))
    with pytest.raises(SystemExit, match="nobody who is trusted"):
        check(kept / "keys", kept / "kept", monkeypatch=monkeypatch)


def test_two_checkpoints_of_one_number_and_one_that_leads_elsewhere(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are signed by the right key: it signed what it should not have."""
    files = sorted((kept / "kept").rglob("*.txt"))
    tenant_id = UUID(files[0].parent.name)
    other = Checkpoint(tenant_id, 2, WHEN, 1, bytes(32), 1, 1, bytes(32), bytes(32))
    (files[1].parent / "other.txt").write_text(KEYS.sign(other.text))
    with pytest.raises(SystemExit, match="two checkpoints 2"):
        check(kept / "keys", kept / "kept", monkeypatch=monkeypatch)
    files[1].unlink()
    with pytest.raises(SystemExit, match="does not name the one before"):
        check(kept / "keys", kept / "kept", monkeypatch=monkeypatch)


def _members(file: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The export's members, and the columns of its tables."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return members, {name: told["columns"] for name, told in json.loads(members["manifest.json"])["tables"].items()}


def _pack(file: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_an_export_cannot_leave_out_the_checkpoints_that_it_differs_from(
    kept: Path, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever rewrites an export takes the checkpoints out of it that show it; those kept elsewhere show it still."""
    file = kept / "books.zip"
    members, columns = _members(file)
    notes = [row.split("\t") for row in members["tables/checkpoints.copy"].decode().splitlines()]
    notes.sort(key=lambda row: int(row[columns["checkpoints"].index("number")]))
    members["tables/checkpoints.copy"] = "".join("\t".join(row) + "\n" for row in notes[:left]).encode()
    at = columns["entries"].index("created_at")
    until = columns["checkpoints"].index("until")
    entries = members["tables/entries.copy"].decode().splitlines(keepends=True)
    before = [row for row in entries if left and row.split("\t")[at] < notes[left - 1][until]]
    members["tables/entries.copy"] = "".join(before).encode()
    _pack(file, members)
    with pytest.raises(SystemExit, match="WRONG"):
        check(kept / "keys", file, kept / "kept", monkeypatch=monkeypatch)
    if not left:
        with pytest.raises(SystemExit, match="nobody has signed"):
            check(kept / "keys", file, monkeypatch=monkeypatch)


def test_an_entry_that_pretends_to_be_older_than_digests_is_found(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept / "books.zip"
    members, columns = _members(file)
    entries = [row.split("\t") for row in members["tables/entries.copy"].decode().splitlines()]
    account, transaction = columns["entries"].index("account_id"), columns["entries"].index("transaction_id")
    lone = next(row for row in entries if sum(other[account] == row[account] for other in entries) == 1)
    for name in ("amount_minor", "balance_after_minor"):
        lone[columns["entries"].index(name)] = "100000"
    members["tables/entries.copy"] = "".join("\t".join(row) + "\n" for row in entries).encode()
    transactions = [row.split("\t") for row in members["tables/transactions.copy"].decode().splitlines()]
    of = next(row for row in transactions if row[columns["transactions"].index("id")] == lone[transaction])
    of[columns["transactions"].index("digest")] = r"\N"
    members["tables/transactions.copy"] = "".join("\t".join(row) + "\n" for row in transactions).encode()
    _pack(file, members)
    with pytest.raises(SystemExit, match="has another hash"):
        check(kept / "keys", file, monkeypatch=monkeypatch)


def test_receipts_in_a_folder_are_checked(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = next(kept.glob("*.json"))
    told = json.loads(file.read_text())
    _of_path(told["data"]["receipt"])
    (kept / "kept" / "receipt.json").write_text(json.dumps(told))
    with pytest.raises(SystemExit, match="WRONG"):
        check(kept / "keys", kept / "kept", monkeypatch=monkeypatch)


def test_entries_of_before_there_were_digests(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["check_books.py", str(kept / "keys"), str(kept / "kept")])
    hashed = runpy.run_path(str(SCRIPT))["hashed"]
    for changed in ({}, *({name: value} for name, value in CHANGED.items()), {"credit_id": None}):
        facts = FACTS | changed
        shown = {name: value.hex() if isinstance(value, bytes) else str(value) for name, value in facts.items()}
        shown = {name: r"\N" if facts[name] is None else text for name, text in shown.items()}
        figures = [facts[name] for name in ("sequence", "amount_minor", "lifetime_minor", "balance_after_minor")]
        for previous in (None, PREVIOUS):
            row = shown | {"id": str(UUID(int=9)), "previous_hash": r"\N" if previous is None else previous.hex()}
            assert hashed(row, shown | {"digest": r"\N"}, figures) == entry_hash_1(previous, **facts).hex()
