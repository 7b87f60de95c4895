"""A whole database in one file, and back.

The file is a zip. Each collection is in it as `<collection>.bson`, its documents one after the
other by ascending key, as mongodump writes them; `manifest.json` comes last and says what there has
to be. Documents go from the server to the file and back as the bytes that they are.
"""

import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pydantic import BaseModel, ConfigDict, ValidationError
from pymongo.errors import OperationFailure

from persistence.database import Database, Transaction
from persistence.errors import StorageError
from persistence.migrations import Migrations

# Who is signed in, who does what and how often at the moment, and which log the feed's cursors
# belong to.
LEFT_OUT = frozenset({"sessions", "leases", "rate_windows", "logs"})

_RAW = CodecOptions[RawBSONDocument](document_class=RawBSONDocument)
_MANIFEST = "manifest.json"
_BATCH_BYTES = 4_000_000
_BATCH_DOCUMENTS = 1_000
# A transaction was ended for having lasted too long.
_ENDED_CODES = frozenset({251, 290, 246})

# Of a collection: its name, and how many of its documents are done, of how many.
Progress = Callable[[str, int, int], None]


class DamagedBackup(StorageError):
    """The file is not a whole backup, or not one that this version can read."""


class DatabaseNotEmpty(StorageError):
    """There is something where a backup was to be restored."""


class RestoredOtherwise(StorageError):
    """What is in the database after a restore is not what was in the file."""


class BackupTooSlow(StorageError):
    """The server does not keep the state of one instant for as long as reading it took."""


class Part(BaseModel):
    """One collection: how many documents, in how many bytes, and the SHA-256 of those."""

    model_config = ConfigDict(frozen=True)

    collection: str
    documents: int
    bytes: int
    sha256: str


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True)

    FORMAT: ClassVar[int] = 1

    format: int = FORMAT
    taken_at: datetime
    database: str
    parts: list[Part]

    @property
    def documents(self) -> int:
        return sum(part.documents for part in self.parts)


class _Tally:
    """What a `Part` says, counted while documents go by."""

    def __init__(self) -> None:
        self.documents = 0
        self._bytes = 0
        self._hash = hashlib.sha256()

    def add(self, document: RawBSONDocument) -> None:
        self.documents += 1
        self._bytes += len(document.raw)
        self._hash.update(document.raw)

    def part(self, collection: str) -> Part:
        return Part(
            collection=collection,
            documents=self.documents,
            bytes=self._bytes,
            sha256=self._hash.hexdigest(),
        )


async def write_backup(database: Database, path: Path, progress: Progress) -> Manifest:
    """Writes all that is in the database, as it is at one instant, to a new file.

    Only the file's owner may read it. Until it is whole it has another name. Raises FileExistsError
    for a file that is there, BackupTooSlow, as `Migrations.pending`, and the driver's errors.
    """
    # Nobody is to take what came in part for what was.
    await Migrations(database).pending()
    with _new_file(path) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
        return await _write(database, archive, progress)


@contextmanager
def _new_file(path: Path) -> Generator[BinaryIO]:
    if path.exists():
        raise FileExistsError(path)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


async def _write(database: Database, archive: ZipFile, progress: Progress) -> Manifest:
    parts: list[Part] = []
    taken_at = datetime.now(UTC)
    try:
        async with database.snapshot() as session:
            for name in await _collections(database):
                total = await database.named_collection(name).estimated_document_count()
                tally = _Tally()
                with archive.open(_entry(name), "w", force_zip64=True) as entry:
                    async for document in _documents(database, name, session):
                        entry.write(document.raw)
                        tally.add(document)
                        if tally.documents % _BATCH_DOCUMENTS == 0:
                            progress(name, tally.documents, max(total, tally.documents))
                progress(name, tally.documents, tally.documents)
                parts.append(tally.part(name))
    except OperationFailure as error:
        if error.code not in _ENDED_CODES:
            raise
        raise BackupTooSlow(
            "The server ended the transaction in which the database was read. Let it last longer: "
            "db.adminCommand({setParameter: 1, transactionLifetimeLimitSeconds: 3600})"
        ) from error
    manifest = Manifest(taken_at=taken_at, database=database.name, parts=parts)
    archive.writestr(_MANIFEST, manifest.model_dump_json(indent=2))
    return manifest


def verify_backup(path: Path, progress: Progress) -> Manifest:
    """Reads the whole file and compares it with its manifest. Raises DamagedBackup, OSError."""
    try:
        with ZipFile(path) as archive:
            manifest = _read_manifest(path, archive)
            if {_entry(part.collection) for part in manifest.parts} | {_MANIFEST} != set(
                archive.namelist()
            ):
                raise DamagedBackup(f"{path} does not hold the collections of its manifest.")
            for part in manifest.parts:
                tally = _Tally()
                for document in _read(archive, part):
                    tally.add(document)
                if tally.part(part.collection) != part:
                    raise DamagedBackup(f"{path} is damaged: {part.collection} has changed.")
                progress(part.collection, part.documents, part.documents)
    except (BadZipFile, BSONError, zlib.error, EOFError) as error:
        raise DamagedBackup(f"{path} is no backup, or not the whole of one: {error}.") from error
    return manifest


def _read_manifest(path: Path, archive: ZipFile) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(archive.read(_MANIFEST))
    except (KeyError, ValidationError) as error:
        raise DamagedBackup(f"{path} is not a backup of tickets.") from error
    if manifest.format != Manifest.FORMAT:
        raise DamagedBackup(
            f"{path} has the format {manifest.format}, and this version of tickets reads "
            f"{Manifest.FORMAT} alone."
        )
    return manifest


async def restore_backup(
    database: Database, path: Path, manifest: Manifest, *, replace: bool, progress: Progress
) -> None:
    """Puts what is in a file that has been verified into an empty database, and compares it.

    With `replace`, what is in the database goes first. While it lasts, and if it is cut short, no
    server starts on the database. The next start migrates it and makes its indexes.
    Raises DatabaseNotEmpty, RestoredOtherwise, NewerDatabase and the driver's errors.
    """
    migrations = Migrations(database)
    migrations.left_of(_migrations_in(path, manifest))
    if replace:
        for name in await database.native.list_collection_names():
            await database.native.drop_collection(name)
    elif await _has_documents(database):
        raise DatabaseNotEmpty(
            f"The database {database.name} is not empty, and nothing was restored. Name another "
            "one in TICKETS_DATABASE_NAME or TICKETS_DATA_DIR, or say --replace to remove "
            "everything that is in it."
        )
    await migrations.begin_restore()
    with ZipFile(path) as archive:
        for part in manifest.parts:
            await _insert(database, archive, part, progress)
    await _compare(database, manifest)
    await migrations.end_restore()


def _migrations_in(path: Path, manifest: Manifest) -> set[str]:
    with ZipFile(path) as archive:
        return {
            document["_id"]
            for part in manifest.parts
            if part.collection == Migrations.COLLECTION
            for document in _read(archive, part)
        }


async def _insert(database: Database, archive: ZipFile, part: Part, progress: Progress) -> None:
    done, size = 0, 0
    batch: list[RawBSONDocument] = []

    async def insert() -> None:
        nonlocal done, size
        if batch:
            await database.named_collection(part.collection).insert_many(cast("Any", batch))
            done, size = done + len(batch), 0
            batch.clear()
            progress(part.collection, done, part.documents)

    for document in _read(archive, part):
        batch.append(document)
        size += len(document.raw)
        if size > _BATCH_BYTES or len(batch) == _BATCH_DOCUMENTS:
            await insert()
    await insert()


async def _compare(database: Database, manifest: Manifest) -> None:
    async with database.snapshot() as session:
        for part in manifest.parts:
            tally = _Tally()
            async for document in _documents(database, part.collection, session):
                if document["_id"] != Migrations.RESTORING:
                    tally.add(document)
            if tally.part(part.collection) != part:
                raise RestoredOtherwise(
                    f"{part.collection} is not in the database as it was in the file: "
                    f"{tally.documents:,} of {part.documents:,} documents. Does somebody else "
                    "write to it?"
                )


async def _collections(database: Database) -> list[str]:
    names = await database.native.list_collection_names()
    return sorted(name for name in names if name not in LEFT_OUT and not name.startswith("system."))


async def _has_documents(database: Database) -> bool:
    for name in await _collections(database):
        if await database.named_collection(name).find_one({}, {"_id": 1}) is not None:
            return True
    return False


async def _documents(
    database: Database, name: str, session: Transaction
) -> AsyncIterator[RawBSONDocument]:
    collection = database.native.get_collection(name, codec_options=_RAW)
    async for document in collection.find({}, session=session).sort([("_id", 1)]):
        yield document


def _entry(collection: str) -> str:
    return f"{collection}.bson"


def _read(archive: ZipFile, part: Part) -> Iterator[RawBSONDocument]:
    with archive.open(_entry(part.collection)) as entry:
        yield from decode_file_iter(entry, _RAW)
