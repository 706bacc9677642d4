"""A tenant's export: one ZIP file with a manifest, and for each table its rows as PostgreSQL's COPY writes them.

    manifest.json          format, version, tenant, steps of the database, and for each table its columns, rows and SHA-256
    tables/NAME.copy       the rows: text, UTF-8, columns apart by tabs, \\N for null, instants in UTC

A file is there in full or not at all, and readable by its owner alone: it holds all that the database has of the tenant.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self
from uuid import UUID

from app.problems import SetupProblem
from models.operations.import_tenant import TenantRows
from models.reads.export_tenant import ExportedTenant, export_tenant
from models.tenant_rows import Told

FORMAT: Final = "scrip tenant"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 4 << 20
READ_BYTES: Final = 1 << 20
COMPRESSION: Final = 1
"""Hashes do not get shorter by trying harder."""


async def write_tenant(
    file: Path, tenant_id: UUID, steps: Sequence[str], tell: Callable[[str, Told], None]
) -> ExportedTenant:
    """Export the tenant to the file. steps: those that built the database. Raises SetupProblem, NotFound."""
    with _whole(file) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:

        @contextmanager
        def opened(table: str) -> Iterator[Callable[[bytes], object]]:
            with archive.open(_member(table), "w", force_zip64=True) as member:
                yield member.write

        exported = await export_tenant(tenant_id, opened, tell)
        archive.writestr(MANIFEST, json.dumps(_manifest(exported, steps), indent=1))
        return exported


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A file to write to, which gets its name once the block has ended well. Raises SetupProblem."""
    if file.exists():
        raise SetupProblem(f"{file} is there already, and is left as it is. Name another file.")
    part = file.with_name(f".{file.name}.part")
    try:
        part.touch(mode=0o600)
        yield part
        part.rename(file)
    except OSError as error:
        raise SetupProblem(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def _member(table: str) -> str:
    return f"tables/{table}.copy"


def _manifest(exported: ExportedTenant, steps: Sequence[str]) -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "tenant": {"id": str(exported.id), "slug": exported.slug, "name": exported.name},
        "taken_at": exported.taken_at.isoformat(),
        "steps": list(steps),
        "tables": {
            name: {"columns": list(columns), **asdict(told)} for name, (columns, told) in exported.tables.items()
        },
    }


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of an export, as its file tells them."""

    tenant_id: UUID
    slug: str
    taken_at: datetime
    steps: tuple[str, ...]
    tables: dict[str, tuple[tuple[str, ...], Told]]


class TenantFile:
    """An export, open for reading. Raises SetupProblem if it is none, or damaged."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._damage_told(), ExitStack() as opened:
            self._archive = opened.enter_context(zipfile.ZipFile(file))
            self.manifest = self._read_manifest()
            opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def rows(self) -> TenantRows:
        """The rows, for an import."""
        told = self.manifest
        return TenantRows(told.tenant_id, told.slug, told.tables, self._open)

    def check(self) -> None:
        """Read all of it, and compare it with the manifest. Raises SetupProblem."""
        for table, (_, told) in self.manifest.tables.items():
            digest, rows, size = hashlib.sha256(), 0, 0
            with self._damage_told(), self._open(table) as member:
                while piece := member.read(READ_BYTES):
                    digest.update(piece)
                    rows += piece.count(b"\n")
                    size += len(piece)
            if Told(rows, size, digest.hexdigest()) != told:
                raise SetupProblem(f"{self._file} is damaged: the rows of {table} are not those that were written.")

    def _open(self, table: str) -> BinaryIO:
        return self._archive.open(_member(table))  # type: ignore[return-value]  # it reads as one does

    def _read_manifest(self) -> Manifest:
        if self._archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
            raise ValueError("its manifest is too long")
        told = json.loads(self._archive.read(MANIFEST))
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ValueError("it is no export of a tenant")
        if told["version"] != VERSION:
            raise ValueError(
                f"it is in version {told['version']} of the format, and this Scrip reads version {VERSION}"
            )
        return Manifest(
            UUID(told["tenant"]["id"]),
            str(told["tenant"]["slug"]),
            datetime.fromisoformat(told["taken_at"]),
            tuple(told["steps"]),
            {
                str(name): (tuple(table["columns"]), Told(table["rows"], table["bytes"], table["sha256"]))
                for name, table in told["tables"].items()
            },
        )

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise SetupProblem(f"There is no file {self._file}.") from error
        except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise SetupProblem(f"{self._file} cannot be imported: {error}.") from error
