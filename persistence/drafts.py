"""Stores that keep what is written in memory: for a past that is told, and stored, at once.

A stored ticket costs a transaction for each change, a draft one insertion for all of them. Drafts
are for one user, who plays one thing after the other: nobody else finds them before they are
stored, and a service's transaction that fails takes none of them back.
"""
# ruff: noqa: ARG002 - the methods have the signatures of those that they stand in for

from datetime import datetime
from itertools import islice
from typing import Any, TypeVar, cast

from bson import ObjectId
from pymongo.errors import BulkWriteError

from persistence.customers import CustomerStore
from persistence.database import Database, Transaction
from persistence.documents import evolve, to_document
from persistence.errors import Duplicate
from persistence.models import (
    Conversation,
    ConversationHandler,
    Message,
    Note,
    Ticket,
    TicketEvent,
    TicketLink,
    TicketLinkKind,
)
from persistence.odm import Model
from persistence.tickets import TicketScope, TicketStore

ModelT = TypeVar("ModelT", bound=Model)

_DUPLICATE_KEY = 11000
# How many are inserted at a time. Everybody else waits for each statement on the embedded server,
# which takes a transaction that says nothing for some seconds for one that was left behind.
STATEMENT_DOCUMENTS = 20


class Drafts:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[type[Model], dict[ObjectId, Model]] = {}

    def keep(self, key: ObjectId, model: Model) -> None:
        """In the place of what was kept under `key`."""
        self._kept.setdefault(type(model), {})[key] = model

    def of(self, model: type[ModelT]) -> dict[ObjectId, ModelT]:
        return cast("dict[ObjectId, ModelT]", self._kept.get(model, {}))

    async def store(self) -> None:
        """Inserts all that is kept, or nothing; afterwards nothing is kept.

        Raises Duplicate, and keeps everything, where something with one of its keys or unique
        values is stored already.
        """

        async def write(session: Transaction) -> None:
            for model, kept in self._kept.items():
                collection = self._database.collection(model)
                documents = (to_document(each) for each in kept.values())
                while some := list(islice(documents, STATEMENT_DOCUMENTS)):
                    await collection.insert_many(some, session=session)

        try:
            await self._database.transaction(write)
        except BulkWriteError as error:
            faults = cast("list[dict[str, Any]]", (error.details or {}).get("writeErrors", []))
            if any(fault["code"] == _DUPLICATE_KEY for fault in faults):
                raise Duplicate(str(faults[0]["errmsg"])) from error
            raise
        self.discard()

    def discard(self) -> None:
        self._kept.clear()


class DraftTickets(TicketStore):
    """Finds and changes drafts alone; what else is asked is asked of the database."""

    def __init__(self, database: Database, drafts: Drafts) -> None:
        super().__init__(database)
        self._drafts = drafts

    async def find(
        self, scope: TicketScope, ticket_id: str, *, session: Transaction | None = None
    ) -> Ticket | None:
        for draft in self._drafts.of(Ticket).values():
            if draft.ticket_id == ticket_id:
                return draft if scope.admits(draft) else None
        return None

    async def find_of_conversation(
        self, conversation_id: ObjectId, *, session: Transaction | None = None
    ) -> list[Ticket]:
        drafts = self._drafts.of(Ticket).values()
        return [draft for draft in drafts if draft.conversation_id == conversation_id]

    async def add(self, ticket: Ticket, event: TicketEvent, *, session: Transaction) -> None:
        self._drafts.keep(ticket.id, ticket)
        self._drafts.keep(event.id, event)

    async def change(
        self, old: Ticket, new: Ticket, event: TicketEvent, *, session: Transaction
    ) -> bool:
        await self.add(new, event, session=session)
        return True

    async def add_note(self, note: Note, *, session: Transaction) -> None:
        self._drafts.keep(note.id, note)

    async def add_link(self, link: TicketLink, *, session: Transaction) -> None:
        self._drafts.keep(link.id, link)

    async def find_link(
        self,
        ticket_key: ObjectId,
        other_key: ObjectId | None,
        kind: TicketLinkKind,
        *,
        session: Transaction | None = None,
    ) -> TicketLink | None:
        for link in self._drafts.of(TicketLink).values():
            is_it = link.ticket_key == ticket_key and link.kind is kind
            if is_it and other_key in (None, link.other_key):
                return link
        return None


class DraftConversations(CustomerStore):
    """Keeps conversations and messages; customers are stored as ever."""

    def __init__(self, database: Database, drafts: Drafts) -> None:
        super().__init__(database)
        self._drafts = drafts

    async def find_conversation(
        self, key: ObjectId, *, session: Transaction | None = None
    ) -> Conversation | None:
        return self._drafts.of(Conversation).get(key)

    async def add_conversation(self, conversation: Conversation) -> None:
        self._drafts.keep(conversation.id, conversation)

    async def set_handler(
        self,
        key: ObjectId,
        handler: ConversationHandler,
        *,
        handled_by: ObjectId | None,
        at: datetime,
        session: Transaction | None = None,
    ) -> None:
        conversation = self._drafts.of(Conversation)[key]
        changed = evolve(conversation, handler=handler, handled_by=handled_by, updated_at=at)
        self._drafts.keep(key, changed)

    async def add_message(self, message: Message, *, session: Transaction) -> None:
        self._drafts.keep(message.id, message)
