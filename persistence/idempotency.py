"""Which keyed requests have been carried out, and with what result."""

from collections.abc import Sequence
from datetime import timedelta

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from persistence.database import Database, Transaction
from persistence.documents import from_document, to_document
from persistence.errors import Duplicate
from persistence.models import IdempotencyRecord


class IdempotencyStore:
    def __init__(self, database: Database) -> None:
        self._records = database.collection(IdempotencyRecord)

    async def find(
        self, record_id: str, *, session: Transaction | None = None
    ) -> IdempotencyRecord | None:
        found = await self._records.find_one({"_id": record_id}, session=session)
        return from_document(IdempotencyRecord, found) if found else None

    async def add(self, record: IdempotencyRecord, *, session: Transaction) -> None:
        """In the transaction of the effect that it stands for, replacing one that has expired.

        Raises Duplicate where another request with the same key was quicker.
        """
        expired = record.created_at - timedelta(seconds=IdempotencyRecord.KEPT_SECONDS)
        await self._records.delete_one(
            {"_id": record.id, "created_at": {"$lte": expired}}, session=session
        )
        try:
            await self._records.insert_one(to_document(record), session=session)
        except DuplicateKeyError as error:
            raise Duplicate("idempotency key") from error

    async def forget_results(self, keys: Sequence[ObjectId], *, session: Transaction) -> None:
        """Of what was made under those keys: a record is a digest of what had been sent."""
        await self._records.delete_many({"result_key": {"$in": list(keys)}}, session=session)
