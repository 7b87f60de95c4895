"""Sequences from which ticket numbers are drawn."""

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from persistence.database import Database
from persistence.documents import Document


class CounterStore:
    def __init__(self, database: Database) -> None:
        self._counters = database.named_collection("counters")

    async def next(self, name: str) -> int:
        """The next value of the sequence `name`, from 1; no caller ever gets one twice.

        One atomic step outside any transaction: drawn inside one, a number would make every
        creation wait for every other. Racing to create a sequence, a writer may find it taken or,
        on the embedded server, get nothing back; it draws again.
        """
        while True:
            try:
                counter: Document | None = await self._counters.find_one_and_update(
                    {"_id": name},
                    {"$inc": {"value": 1}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                continue
            if counter:
                return counter["value"]

    async def current(self, name: str) -> int:
        """The last value drawn, 0 where none was."""
        counter = await self._counters.find_one({"_id": name})
        return counter["value"] if counter else 0
