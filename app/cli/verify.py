"""`scrip verify`: the proof of the books, for people and for a nightly job. Exit status 1 if they are wrong."""

import asyncio
from typing import Annotated

import typer

from app.cli.database import app_database
from app.cli.output import say
from app.cli.tenants import tenant_named
from app.postgres.database import open_database
from app.settings import load_settings
from models.reads.verify import Proof, every_tenant, verify


def verify_command(
    tenant: Annotated[str | None, typer.Option(help="Short name of the tenant. Default: all tenants.")] = None,
) -> None:
    """Recompute the books from the entries, compare every row with its hash, and list the differences."""
    settings = load_settings()
    with app_database(settings) as url:
        holds = asyncio.run(verify_all(url, tenant, settings.database_statement_cache))
    if not holds:
        raise typer.Exit(1)


async def verify_all(url: str, slug: str | None, cache: int) -> bool:
    """Prove and report the books of the tenant of this name, or of all; return whether they are right."""
    async with open_database(url, pool_min=1, pool_max=1, statement_cache=cache):
        tenants = await every_tenant() if slug is None else [await tenant_named(slug)]
        holds = True
        for each in tenants:
            proof = await verify(each.id)
            holds = holds and proof.holds
            print(_report(each.slug, proof), flush=True)
    say(
        "Every row agrees or is named. Rows rewritten together with their hashes are found only by copies kept elsewhere."
    )
    return holds


def _report(slug: str, proof: Proof) -> str:
    read = (
        f"{slug}: {proof.entries:,} entries, {proof.accounts:,} accounts, {proof.credits:,} credits, "
        f"{proof.invoices:,} invoices, {proof.coupons:,} coupons, {proof.notes:,} notes: "
    )
    if proof.holds:
        return read + "all agree"
    lines = [f"  {difference.check}: {difference.id}: {difference.detail}" for difference in proof.listed]
    unlisted = proof.found.total() - len(proof.listed)
    if unlisted:
        lines.append(f"  and {unlisted:,} more of the same kinds")
    return "\n".join([f"{read}{proof.found.total():,} DIFFER", *lines])
