"""Customers, their conversations and the messages in them."""

from collections.abc import Iterable
from datetime import datetime

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from persistence.database import Database, Transaction
from persistence.documents import Document, from_document, projection, to_document
from persistence.errors import Duplicate
from persistence.models import (
    Conversation,
    ConversationChannel,
    ConversationHandler,
    Customer,
    Message,
)
from persistence.pages import Bounds, Page, Window, count_items, read_page
from persistence.tickets import words_clause

_WITHOUT_TERMS = projection(Customer, without=("terms",))


class CustomerStore:
    def __init__(self, database: Database) -> None:
        self._customers = database.collection(Customer)
        self._conversations = database.collection(Conversation)
        self._messages = database.collection(Message)
        self._bounds = Bounds()

    # ---- customers -------------------------------------------------------------------------

    async def find(self, key: ObjectId, *, session: Transaction | None = None) -> Customer | None:
        found = await self._customers.find_one({"_id": key}, session=session)
        return from_document(Customer, found) if found else None

    async def find_by_phone(
        self, phone: str, *, session: Transaction | None = None
    ) -> Customer | None:
        """`phone` in E.164."""
        found = await self._customers.find_one({"phone": phone}, session=session)
        return from_document(Customer, found) if found else None

    async def find_by_keys(self, keys: Iterable[ObjectId]) -> dict[ObjectId, Customer]:
        found = self._customers.find({"_id": {"$in": list(set(keys))}}, _WITHOUT_TERMS)
        customers = [from_document(Customer, document) for document in await found.to_list(None)]
        return {customer.id: customer for customer in customers}

    async def add(self, customer: Customer, *, session: Transaction) -> None:
        """Raises Duplicate where the phone is another customer's."""
        try:
            await self._customers.insert_one(to_document(customer), session=session)
        except DuplicateKeyError as error:
            raise Duplicate("phone") from error

    async def replace_fields(self, old: Customer, new: Customer, *, session: Transaction) -> None:
        """Writes the fields that differ and no others."""
        before, after = to_document(old), to_document(new)
        changed = {field: value for field, value in after.items() if before[field] != value}
        await self._customers.update_one({"_id": old.id}, {"$set": changed}, session=session)

    async def page(self, words: tuple[str, ...], window: Window) -> Page[Customer]:
        """Newest first; `words` are folded prefixes, all of which must match."""
        return await read_page(
            self._customers,
            Customer,
            _matching(words),
            window,
            key="sort",
            descending=True,
            bounds=self._bounds.of(words, by_time=True),
        )

    async def count(self, words: tuple[str, ...]) -> int:
        return await count_items(self._customers, _matching(words), key="sort")

    # ---- conversations ---------------------------------------------------------------------

    async def find_conversation(
        self, key: ObjectId, *, session: Transaction | None = None
    ) -> Conversation | None:
        found = await self._conversations.find_one({"_id": key}, session=session)
        return from_document(Conversation, found) if found else None

    async def find_conversations(self, keys: Iterable[ObjectId]) -> dict[ObjectId, Conversation]:
        found = self._conversations.find({"_id": {"$in": list(set(keys))}})
        conversations = [
            from_document(Conversation, document) for document in await found.to_list(None)
        ]
        return {conversation.id: conversation for conversation in conversations}

    async def find_conversation_by_external_id(
        self, channel: ConversationChannel, external_id: str
    ) -> Conversation | None:
        found = await self._conversations.find_one(
            {"channel": channel.value, "external_id": external_id}
        )
        return from_document(Conversation, found) if found else None

    async def add_conversation(self, conversation: Conversation) -> None:
        """Raises Duplicate where the channel already knows that external id."""
        try:
            await self._conversations.insert_one(to_document(conversation))
        except DuplicateKeyError as error:
            raise Duplicate("external_id") from error

    async def set_handler(
        self,
        key: ObjectId,
        handler: ConversationHandler,
        *,
        handled_by: ObjectId | None,
        at: datetime,
        session: Transaction | None = None,
    ) -> None:
        await self._conversations.update_one(
            {"_id": key},
            {"$set": {"handler": handler.value, "handled_by": handled_by, "updated_at": at}},
            session=session,
        )

    async def admit_answer(self, conversation_id: ObjectId, *, session: Transaction) -> bool:
        """Counts an answer as sent; False where a person answers in the conversation by now.

        A write on the conversation, so that of it and a person's taking over one comes first: the
        other then sees what the first has done.
        """
        updated = await self._conversations.update_one(
            {"_id": conversation_id, "handler": ConversationHandler.ASSISTANT.value},
            {"$inc": {"assistant_answers": 1}, "$set": {"assistant_failures": 0}},
            session=session,
        )
        return updated.matched_count == 1

    async def count_failure(
        self, conversation_id: ObjectId, failures: int, *, session: Transaction
    ) -> bool:
        """Sets how many attempts have failed in a row; False where a person answers by now."""
        updated = await self._conversations.update_one(
            {"_id": conversation_id, "handler": ConversationHandler.ASSISTANT.value},
            {"$set": {"assistant_failures": failures}},
            session=session,
        )
        return updated.matched_count == 1

    async def conversations_page(self, customer_id: ObjectId, window: Window) -> Page[Conversation]:
        """Newest first."""
        return await read_page(
            self._conversations,
            Conversation,
            {"customer_id": customer_id},
            window,
            key="sort",
            descending=True,
        )

    async def conversation_keys(self, customer_id: ObjectId) -> list[ObjectId]:
        found = self._conversations.find({"customer_id": customer_id}, {"_id": 1})
        return [document["_id"] for document in await found.to_list(None)]

    async def erase_conversation(self, key: ObjectId, *, text: str, session: Transaction) -> None:
        """Puts `text` in the place of each message, and takes away what the channel calls them."""
        await self._conversations.update_one(
            {"_id": key}, {"$set": {"external_id": None}}, session=session
        )
        await self._messages.update_many(
            {"conversation_id": key}, {"$set": {"text": text, "external_id": None}}, session=session
        )

    async def count_conversations(self, customer_id: ObjectId) -> int:
        return await self._conversations.count_documents({"customer_id": customer_id})

    # ---- messages --------------------------------------------------------------------------

    async def find_message(
        self, conversation_id: ObjectId, external_id: str, *, session: Transaction | None = None
    ) -> Message | None:
        found = await self._messages.find_one(
            {"conversation_id": conversation_id, "external_id": external_id}, session=session
        )
        return from_document(Message, found) if found else None

    async def find_message_by_key(self, key: ObjectId) -> Message | None:
        found = await self._messages.find_one({"_id": key})
        return from_document(Message, found) if found else None

    async def add_message(self, message: Message, *, session: Transaction) -> None:
        """Raises Duplicate where the conversation already has that external id."""
        try:
            await self._messages.insert_one(to_document(message), session=session)
        except DuplicateKeyError as error:
            raise Duplicate("external_id") from error

    async def messages_page(self, conversation_id: ObjectId, window: Window) -> Page[Message]:
        """Oldest first."""
        return await read_page(
            self._messages, Message, {"conversation_id": conversation_id}, window, key="sort"
        )

    async def count_messages(self, conversation_id: ObjectId) -> int:
        return await self._messages.count_documents({"conversation_id": conversation_id})


def _matching(words: tuple[str, ...]) -> Document:
    clause = words_clause(words)
    return {} if clause is None else {"terms": clause}
