"""Files that belong to tickets: what is known of each, and their contents in GridFS."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from bson import ObjectId
from gridfs.errors import NoFile
from motor.core import AgnosticClientSession
from motor.motor_asyncio import AsyncIOMotorGridFSBucket

from persistence.database import CONTENTS, Database, Transaction
from persistence.documents import Document, from_document, to_document
from persistence.models import Attachment, NoteVisibility


class AttachmentStore:
    """An attachment and its content have one key; a content without attachment is nobody's."""

    def __init__(self, database: Database) -> None:
        self._attachments = database.collection(Attachment)
        self._files = database.named_collection(f"{CONTENTS}.files")
        self._chunks = database.named_collection(f"{CONTENTS}.chunks")
        self._progress = database.named_collection("progress")
        self._database = database

    async def add(self, attachment: Attachment, *, session: Transaction) -> None:
        """Once its content is there."""
        await self._attachments.insert_one(to_document(attachment), session=session)

    async def find(self, key: ObjectId) -> Attachment | None:
        found = await self._attachments.find_one({"_id": key})
        return from_document(Attachment, found) if found else None

    async def of_tickets(
        self,
        ticket_keys: Iterable[ObjectId],
        visibilities: Sequence[NoteVisibility],
        *,
        session: Transaction | None = None,
    ) -> list[Attachment]:
        """The oldest of a ticket first."""
        conditions: Document = {
            "ticket_key": {"$in": list(set(ticket_keys))},
            "visibility": {"$in": [visibility.value for visibility in visibilities]},
        }
        found = self._attachments.find(conditions, session=session).sort([("position", 1)])
        return [from_document(Attachment, document) for document in await found.to_list(None)]

    async def count_of(self, ticket_key: ObjectId, *, session: Transaction) -> int:
        return await self._attachments.count_documents({"ticket_key": ticket_key}, session=session)

    async def remove(self, keys: Sequence[ObjectId], *, session: Transaction) -> None:
        """With their contents."""
        wanted = {"$in": list(keys)}
        await self._attachments.delete_many({"_id": wanted}, session=session)
        await self._remove_contents(keys, session)

    # ---- contents --------------------------------------------------------------------------

    async def write_content(self, key: ObjectId, chunks: AsyncIterator[bytes]) -> None:
        """Outside of any transaction, which could not hold so much. All of it or nothing."""
        stream = self._bucket().open_upload_stream_with_id(key, str(key))
        try:
            async for chunk in chunks:
                await stream.write(chunk)
            await stream.close()
        except BaseException:
            await stream.abort()
            raise

    async def read_content(self, key: ObjectId) -> AsyncIterator[bytes] | None:
        """None where there is none any more."""
        try:
            stream = await self._bucket().open_download_stream(key)
        except NoFile:
            return None

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await stream.readchunk():
                yield chunk

        return chunks()

    async def remove_content(self, key: ObjectId) -> None:
        """Of what became no attachment."""
        await self._remove_contents([key], None)

    async def remove_orphans(self, before: datetime, *, contents: int) -> int | None:
        """Of the contents written before then, removes what belongs to no attachment.

        Looks at the next `contents` after those of the last call, which are remembered. How many
        were removed; None where none is left to look at.
        """
        progress = await self._progress.find_one({"_id": "orphaned contents"})
        written: Document = {"$lt": ObjectId.from_datetime(before)}
        if progress:
            written["$gt"] = progress["through"]
        found = self._files.find({"_id": written}, {"_id": 1}).sort([("_id", 1)]).limit(contents)
        keys = [document["_id"] async for document in found]
        if not keys:
            return None
        owned = self._attachments.find({"_id": {"$in": keys}}, {"_id": 1})
        orphans = set(keys) - {document["_id"] async for document in owned}
        await self._remove_contents(list(orphans), None)
        await self._progress.update_one(
            {"_id": "orphaned contents"}, {"$set": {"through": keys[-1]}}, upsert=True
        )
        return len(orphans)

    async def _remove_contents(
        self, keys: Sequence[ObjectId], session: AgnosticClientSession | None
    ) -> None:
        wanted = {"$in": list(keys)}
        await self._files.delete_many({"_id": wanted}, session=session)
        await self._chunks.delete_many({"files_id": wanted}, session=session)

    def _bucket(self) -> AsyncIOMotorGridFSBucket:
        return AsyncIOMotorGridFSBucket(self._database.native, bucket_name=CONTENTS)
