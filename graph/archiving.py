"""`tickets backup` and `tickets restore`: what they say and show."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape
from rich.progress import TaskID

from graph.settings import Settings
from graph.terminal import console, progress_bars
from persistence.backup import Manifest, Progress, restore_backup, verify_backup, write_backup
from persistence.database import Database
from persistence.embedded import running_uri
from persistence.errors import StorageError

_Restore = Callable[[Database], Awaitable[None]]


class BackupRefused(StorageError):
    """The message says what stands in the way."""


async def back_up(database: Database, file: Path) -> None:
    """Raises BackupRefused where the file is there or cannot be written."""
    try:
        with _progress("Reading") as progress:
            manifest = await write_backup(database, file, progress)
    except FileExistsError:
        raise BackupRefused(f"{file} is there already, and stays as it is.") from None
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written: {error.strerror}.") from error
    console.print(
        f"[green]✓[/] {manifest.documents:,} documents of {len(manifest.parts)} collections are "
        f"in {escape(str(file))}. Whoever reads it reads everything: keep it safe.",
        highlight=False,
    )


def restoring(settings: Settings, file: Path, *, replace: bool) -> _Restore:
    """What restores the file, which has been found to be sound, into a database.

    Raises BackupRefused where a server runs on the data directory or the file cannot be read, and
    `persistence.backup.DamagedBackup`.
    """
    if settings.mongodb_uri is None and running_uri(settings.data_dir) is not None:
        raise BackupRefused(
            f"A server runs on {settings.data_dir}: stop it first. It would go on with what it "
            "remembers of the database that was there."
        )
    try:
        with _progress("Verifying") as progress:
            manifest = verify_backup(file, progress)
    except OSError as error:
        raise BackupRefused(f"{file} cannot be read: {error.strerror}.") from error
    return lambda database: _restore(database, file, manifest, replace=replace)


async def _restore(database: Database, file: Path, manifest: Manifest, *, replace: bool) -> None:
    with _progress("Restoring") as progress:
        await restore_backup(database, file, manifest, replace=replace, progress=progress)
    console.print(
        f"[green]✓[/] {manifest.documents:,} documents, as they were at "
        f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC, are back. Everybody signs in again.",
        highlight=False,
    )


@contextmanager
def _progress(doing: str) -> Generator[Progress]:
    """A bar for each collection that is not empty."""
    bars: dict[str, TaskID] = {}
    with progress_bars() as shown:

        def show(collection: str, done: int, total: int) -> None:
            if total:
                if collection not in bars:
                    bars[collection] = shown.add_task(f"{doing} {collection}")
                shown.update(bars[collection], completed=done, total=total)

        yield show
