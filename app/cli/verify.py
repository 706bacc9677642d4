"""`scrip verify`: the proof of the books, for people and for a nightly job. Exit status 1 if they are wrong, 3 if there was
no checkpoint to compare some of them with."""

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.database import app_database
from app.cli.output import say
from app.cli.tenants import tenant_named
from app.http.verify_file import leave
from app.notary import notary_keys, read_kept
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from models.checkpoints import Checkpoint as SignedCheckpoint
from models.reads.proof import Proof
from models.reads.verify import MAX_LANES, TenantName, every_tenant, verify
from models.reads.verify_checkpoints import MAX_KEPT, verify_kept
from models.reads.verify_since import MAX_FILE_CHARACTERS, Checkpoint, checkpoint, read_checkpoint, verify_since
from models.signed_notes import PublicKey

NOTHING_TO_COMPARE_WITH: Final = 3
"""Exit status: all that could be compared agrees, but a checkpoint that should be there is not. 2 is a wrong command."""


def verify_command(
    tenant: Annotated[str | None, typer.Option(help="Short name of the tenant. Default: all tenants.")] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="With --tenant: if the books hold, write a mark of them to this file, to be kept elsewhere."),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(help="With --tenant: compare with the mark in this file, and prove only what came since."),
    ] = None,
    checkpoint_at: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="Compare with signed checkpoints: a file, or the folder that they are kept in."
        ),
    ] = None,
    heads_only: Annotated[
        bool, typer.Option("--heads-only", help="With --checkpoint: compare with them, and prove nothing else.")
    ] = False,
) -> None:
    """Recompute the books from the entries, compare every row with its hash, and list the differences."""
    if (keep or since) and tenant is None:
        raise SetupProblem("A checkpoint is of one tenant: say which with --tenant.")
    if heads_only and checkpoint_at is None:
        raise SetupProblem("--heads-only goes with --checkpoint.")
    if checkpoint_at is not None and (since or (heads_only and keep)):
        raise SetupProblem("--checkpoint does not go with --since, nor --heads-only with --keep.")
    kept = None if since is None else _read(since)
    settings = load_settings()
    with app_database(settings) as url:
        signed = _signed(settings, checkpoint_at, heads_only=heads_only)
        holds = asyncio.run(
            verify_all(
                url, tenant, settings.database_statement_cache, kept, keep, tell=settings.verify_metrics, signed=signed
            )
        )
    if not holds:
        raise typer.Exit(1)
    if signed.lacking:
        say(f"{signed.place} has no checkpoint of {', '.join(signed.lacking)}: nothing was compared with one.")
        raise typer.Exit(NOTHING_TO_COMPARE_WITH)


@dataclass(frozen=True, slots=True)
class Signed:
    """Signed checkpoints to compare with: who is trusted, where they are, and whether nothing else is proved. lacking: the
    names of tenants of whom there was none in the place, and should be."""

    trusted: tuple[PublicKey, ...] = ()
    place: Path | None = None
    heads_only: bool = False
    lacking: list[str] = field(default_factory=list)

    def of(self, tenant: TenantName) -> list[SignedCheckpoint]:
        """The tenant's. Raises SetupProblem if one cannot be read."""
        if self.place is None:
            return []
        found = read_kept(self.place, str(tenant.id), self.trusted, MAX_KEPT)
        if not found:
            self.lacking.append(tenant.slug)
        return found


def _signed(settings: Settings, place: Path | None, *, heads_only: bool) -> Signed:
    keys = notary_keys(settings)
    if place is not None and (keys is None or not keys.trusted):
        raise SetupProblem("SCRIP_CHECKPOINT_KEYS has to name a file with the public keys that are trusted.")
    return Signed(() if keys is None else keys.trusted, place, heads_only)


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
    signed: Signed | None = None,
) -> bool:
    """Prove and report the books of the tenant of this name, or of all; return whether they are right.

    cache: prepared statements that a connection keeps. kept: prove only what came since this mark. keep: where to write
    a new one, if the books hold. signed: checkpoints to compare with. tell: where to leave what was found in all
    tenants. Raises SetupProblem.
    """
    signed = signed or Signed()
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
            proof = await _proof(each, lanes, kept, signed)
            holds = holds and proof.holds
            entries, differences = entries + proof.entries, differences + proof.found.total()
            print(_said(each.slug, proof, kept, signed), flush=True)
            if new is not None and keep is not None and proof.holds:
                _write(keep, new)
    if tell is not None and slug is None and not signed.heads_only:
        seconds = time.monotonic() - began
        leave(tell, now=time.time(), seconds=seconds, tenants=len(tenants), entries=entries, differences=differences)
    if signed.place is None:
        say(_UNPROVED if kept is None else _UNPROVED_SINCE)
    return holds


async def _proof(tenant: TenantName, lanes: int, mark: Checkpoint | None, signed: Signed) -> Proof:
    if mark is not None:
        return await verify_since(mark)
    if signed.heads_only:
        return await verify_kept(tenant.id, signed.of(tenant), signed.trusted)
    return await verify(tenant.id, lanes=lanes, kept=signed.of(tenant), trusted=signed.trusted)


def _said(slug: str, proof: Proof, mark: Checkpoint | None, signed: Signed) -> str:
    if mark is not None:
        return _report_since(slug, mark, proof)
    if signed.heads_only and slug in signed.lacking:
        return f"{slug}: no checkpoint to compare with; those in the database: {_found(proof)}"
    return f"{slug}: heads, events and checkpoints: {_found(proof)}" if signed.heads_only else _report(slug, proof)


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
