"""A data directory belongs to one process at a time, which says in it who it is."""

import asyncio
import os
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from persistence.errors import StorageError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# `is_taken` holds the lock for an instant, and a process that is ending for a little longer.
TRIES = 6
RETRY_SECONDS = 0.05


class DataDirectoryInUse(StorageError):
    """Another process uses the data directory."""


class DataDirectoryUnusable(StorageError):
    """The data directory cannot be made or written."""


class Holder(BaseModel):
    """Who uses a data directory."""

    model_config = ConfigDict(frozen=True)

    pid: int
    database_pid: int
    uri: str | None
    """Where others may use its database too."""


class DataDirectory:
    """The lock is the system's, so it never outlives its process; what is written beside it may."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._holder = self.path / "database.json"
        self._lock: int | None = None

    async def take(self) -> None:
        """Make the directory and lock it.

        Raises `DataDirectoryInUse` and `DataDirectoryUnusable`.
        """
        try:
            # Only what is made here is closed to others: the path given may be a shared one.
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._open_lock(os.O_CREAT)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The data directory {self.path} cannot be used ({error.strerror}): "
                "name another in TICKETS_DATA_DIR."
            ) from error
        for _ in range(TRIES):
            if _try_lock(lock):
                self._lock = lock
                return
            await asyncio.sleep(RETRY_SECONDS)
        os.close(lock)
        raise self._in_use()

    def release(self) -> None:
        if self._lock is not None:
            self._holder.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def is_taken(self) -> bool:
        try:
            lock = self._open_lock()
        except OSError:
            return False
        try:
            return not _try_lock(lock)
        finally:
            os.close(lock)

    def holder(self) -> Holder | None:
        """The one who last said so: out of date where the directory is not taken."""
        try:
            return Holder.model_validate_json(self._holder.read_bytes())
        except (OSError, ValidationError):
            return None

    def say(self, holder: Holder) -> None:
        new = self._holder.with_suffix(".new")
        new.write_text(holder.model_dump_json())
        new.replace(self._holder)

    def _open_lock(self, flags: int = 0) -> int:
        return os.open(self.path / "lock", os.O_RDWR | flags, 0o600)

    def _in_use(self) -> DataDirectoryInUse:
        holder = self.holder()
        who = f"process {holder.pid}" if holder else "another process"
        where = f", its database at {holder.uri}" if holder and holder.uri else ""
        return DataDirectoryInUse(
            f"The data directory {self.path} is in use by {who}{where}. Stop that process, "
            "or give this one a directory of its own with TICKETS_DATA_DIR."
        )


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
