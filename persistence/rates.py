"""How often something was done, counted by all processes together."""

from collections.abc import Callable
from datetime import datetime, timedelta

from limits.aio.storage import Storage
from pymongo.errors import DuplicateKeyError

from persistence.database import Database
from persistence.documents import from_document
from persistence.errors import STORAGE_ERRORS
from persistence.models import RateWindow


class RateWindows(Storage):
    """The storage of a fixed-window rate limiter: a document for each key, while its window lasts.

    The library's own for MongoDB opens connections of its own, and updates by pipelines, which the
    embedded server does not know.
    """

    STORAGE_SCHEME = None

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._windows = database.collection(RateWindow)
        self._clock = clock

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return STORAGE_ERRORS

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The count after `amount` more, or, where others count at the same time, after theirs."""
        while True:
            now = self._clock()
            counted = await self._windows.update_one(
                {"_id": key, "expires_at": {"$gt": now}}, {"$inc": {"count": amount}}
            )
            if counted.matched_count:
                return await self.get(key)
            begun = {"count": amount, "expires_at": now + timedelta(seconds=expiry)}
            try:
                await self._windows.update_one(
                    {"_id": key, "expires_at": {"$lte": now}}, {"$set": begun}, upsert=True
                )
            except DuplicateKeyError:
                # Another was quicker to begin the window.
                continue
            return amount

    async def get(self, key: str) -> int:
        window = await self._current(key)
        return 0 if window is None else window.count

    async def get_expiry(self, key: str) -> float:
        window = await self._current(key)
        return (self._clock() if window is None else window.expires_at).timestamp()

    async def clear(self, key: str) -> None:
        await self._windows.delete_one({"_id": key})

    async def reset(self) -> int:
        return (await self._windows.delete_many({})).deleted_count

    async def check(self) -> bool:
        try:
            await self._windows.find_one({})
        except STORAGE_ERRORS:
            return False
        return True

    async def _current(self, key: str) -> RateWindow | None:
        found = await self._windows.find_one({"_id": key, "expires_at": {"$gt": self._clock()}})
        return from_document(RateWindow, found) if found else None
