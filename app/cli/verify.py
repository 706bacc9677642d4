"""`scrip verify`: the proof of the books, for people and for a nightly job. Exit status 1 if they are wrong."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.database import app_database
from app.cli.output import say
from app.cli.tenants import tenant_named
from app.http.verify_file import leave
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import load_settings
from models.reads.proof import Proof
from models.reads.verify import MAX_LANES, every_tenant, verify
from models.reads.verify_since import MAX_FILE_CHARACTERS, Checkpoint, checkpoint, read_checkpoint, verify_since


def verify_command(
    tenant: Annotated[str | None, typer.Option(help="Short name of the tenant. Default: all tenants.")] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="With --tenant: if the books hold, write a checkpoint to this file, to be kept elsewhere."),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(help="With --tenant: compare with the checkpoint in this file, and prove only what came since."),
    ] = None,
) -> None:
    """Recompute the books from the entries, compare every row with its hash, and list the differences."""
    if (keep or since) and tenant is None:
        raise SetupProblem("A checkpoint is of one tenant: say which with --tenant.")
    kept = None if since is None else _read(since)
    settings = load_settings()
    with app_database(settings) as url:
        holds = asyncio.run(
            verify_all(url, tenant, settings.database_statement_cache, kept, keep, tell=settings.verify_metrics)
        )
    if not holds:
        raise typer.Exit(1)


def _read(file: Path) -> Checkpoint:
    try:
        with file.open(encoding="utf-8") as opened:
            return read_checkpoint(opened.read(MAX_FILE_CHARACTERS))
    except (OSError, ValueError) as error:
        raise SetupProblem(f"{file} is no checkpoint: {error}.") from error


async def verify_all(
    url: str,
    slug: str | None,
    cache: int,
    kept: Checkpoint | None = None,
    keep: Path | None = None,
    *,
    tell: Path | None = None,
) -> bool:
    """Prove and report the books of the tenant of this name, or of all; return whether they are right.

    cache: prepared statements that a connection keeps. kept: prove only what came since this checkpoint. keep: where to
    write a new one, if the books hold. tell: where to leave what was found in all tenants. Raises SetupProblem.
    """
    began, entries, differences = time.monotonic(), 0, 0
    lanes = min(os.cpu_count() or 1, MAX_LANES)
    async with open_database(url, pool_min=1, pool_max=lanes, statement_cache=cache):
        tenants = await every_tenant() if slug is None else [await tenant_named(slug)]
        holds = True
        for each in tenants:
            if each.deleting:
                say(f"{each.slug} is being deleted: its books are not proven")
                continue
            if kept is not None and kept.tenant_id != each.id:
                raise SetupProblem(f"The checkpoint is of another tenant than {each.slug!r}.")
            new = None if keep is None else await checkpoint(each.id)
            proof = await verify(each.id, lanes=lanes) if kept is None else await verify_since(kept)
            holds = holds and proof.holds
            entries, differences = entries + proof.entries, differences + proof.found.total()
            print(_report(each.slug, proof) if kept is None else _report_since(each.slug, kept, proof), flush=True)
            if new is not None and keep is not None and proof.holds:
                _write(keep, new)
    if tell is not None and slug is None:
        seconds = time.monotonic() - began
        leave(tell, now=time.time(), seconds=seconds, tenants=len(tenants), entries=entries, differences=differences)
    say(_UNPROVED if kept is None else _UNPROVED_SINCE)
    return holds


def _write(file: Path, new: Checkpoint) -> None:
    try:
        file.write_text(new.written(), encoding="utf-8")
    except OSError as error:
        raise SetupProblem(f"{file} cannot be written ({error.strerror}).") from error


_UNPROVED: Final = (
    "Every row agrees or is named. Rows rewritten together with their hashes are found only by copies kept elsewhere."
)
_UNPROVED_SINCE: Final = (
    "The heads of before agree or are named, and so do the entries, transactions and opened credits of since. "
    "All else takes a whole run."
)


def _report_since(slug: str, kept: Checkpoint, proof: Proof) -> str:
    read = f"{slug}: {kept.entries:,} entries before {kept.until.isoformat()}, {proof.entries:,} since: "
    return read + _found(proof)


def _report(slug: str, proof: Proof) -> str:
    read = (
        f"{slug}: {proof.entries:,} entries, {proof.accounts:,} accounts, {proof.credits:,} credits, "
        f"{proof.invoices:,} invoices, {proof.coupons:,} coupons, {proof.notes:,} notes: "
    )
    return read + _found(proof)


def _found(proof: Proof) -> str:
    if proof.holds:
        return "all agree"
    lines = [f"  {difference.check}: {difference.id}: {difference.detail}" for difference in proof.listed]
    unlisted = proof.found.total() - len(proof.listed)
    if unlisted:
        lines.append(f"  and {unlisted:,} more of the same kinds")
    return "\n".join([f"{proof.found.total():,} DIFFER", *lines])
