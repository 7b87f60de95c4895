"""Customers, the conversations they have, and the messages in those."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from bson import ObjectId

from domain.access import Actor, Permission
from domain.clock import Clock, sort_key
from domain.errors import NotFound, ValidationFailed
from domain.known_customers import KnownConversations, KnownCustomers
from domain.lifecycle import OPEN_STATUSES
from domain.search import phone_terms, query_words, terms_of
from domain.validation import KEY_LENGTH, NAME_LENGTH, Checks
from persistence.customers import CustomerStore
from persistence.database import Database, Transaction
from persistence.documents import evolve
from persistence.errors import Duplicate
from persistence.models import (
    Conversation,
    ConversationChannel,
    ConversationHandler,
    Customer,
    Message,
    Ticket,
)
from persistence.pages import Page, Window
from persistence.tickets import TicketStore


@dataclass(frozen=True, slots=True)
class CustomerStatistics:
    total_tickets: int
    open_tickets: int


class Customers:
    """Which customers exist for an actor: all for staff, for a bot the one that it names.

    Finding or recording a customer by phone is how a bot comes to name one.
    """

    def __init__(
        self,
        *,
        database: Database,
        store: CustomerStore,
        known: KnownCustomers,
        known_conversations: KnownConversations,
        tickets: TicketStore,
        clock: Clock,
        phone_region: str,
    ) -> None:
        self._database = database
        self._store = store
        self._known = known
        self._known_conversations = known_conversations
        self._tickets = tickets
        self._clock = clock
        self._phone_region = phone_region
        self._listeners: list[CustomerChanged] = []

    def on_change(self, listener: "CustomerChanged") -> None:
        """`listener` takes part in the transaction of every change of a customer's details."""
        self._listeners.append(listener)

    async def get(self, actor: Actor, key: ObjectId) -> Customer:
        """Raises NotFound for a customer who does not exist for the actor."""
        if _may_read(actor, key) and (customer := await self._store.find(key)):
            return customer
        raise NotFound("customer")

    async def get_known(self, actor: Actor, key: ObjectId) -> Customer:
        """As `get`, for what may lack another process's change of some milliseconds ago."""
        if customer := (await self.find_by_keys(actor, [key])).get(key):
            return customer
        raise NotFound("customer")

    async def find_by_phone(self, actor: Actor, phone: str) -> Customer | None:
        """Raises ValidationFailed where `phone` is not a phone number."""
        customer = await self._store.find_by_phone(self._e164("phone", phone))
        return customer if customer and _may_read(actor, customer.id) else None

    async def find_by_keys(
        self, actor: Actor, keys: Iterable[ObjectId]
    ) -> dict[ObjectId, Customer]:
        readable = (key for key in keys if _may_read(actor, key))
        return await self._known.get(readable, self._store.find_by_keys)

    async def of_ticket(
        self, ticket: Ticket, *, session: Transaction | None = None
    ) -> Customer | None:
        if ticket.customer_id is None:
            return None
        return await self._store.find(ticket.customer_id, session=session)

    async def page(self, actor: Actor, search: str | None, window: Window) -> Page[Customer]:
        """Newest first. Raises Forbidden for a bot, which sees no list of customers."""
        actor.require(Permission.READ_ALL_CUSTOMERS)
        return await self._store.page(query_words(search or ""), window)

    async def count(self, actor: Actor, search: str | None) -> int:
        actor.require(Permission.READ_ALL_CUSTOMERS)
        return await self._store.count(query_words(search or ""))

    async def statistics(self, keys: Iterable[ObjectId]) -> dict[ObjectId, CustomerStatistics]:
        """Counted when asked, hence exact whoever writes; of customers the caller may see."""
        wanted = list(keys)
        counted = await self._tickets.counts_by_customer(wanted, OPEN_STATUSES)
        return {key: CustomerStatistics(*counted.get(key, (0, 0))) for key in wanted}

    async def upsert(
        self,
        actor: Actor,
        *,
        phone: str,
        name: str | None = None,
        email: str | None = None,
        language: str | None = None,
        external_id: str | None = None,
    ) -> Customer:
        """The customer with that phone, new or with the details that are given.

        Raises ValidationFailed, Forbidden; NotFound where a bot speaks for another customer.
        """
        actor.require(Permission.WRITE_CUSTOMERS)
        checks = Checks()
        number = checks.phone("phone", phone, self._phone_region)
        given = {
            "name": checks.optional_text("name", name, longest=NAME_LENGTH, lines=False),
            "email": checks.email("email", email) if email else None,
            "language": checks.optional_text("language", language, longest=35, lines=False),
            "external_id": checks.optional_text(
                "externalId", external_id, longest=KEY_LENGTH, lines=False
            ),
        }
        checks.done()
        details = {field: value for field, value in given.items() if value is not None}
        while True:
            try:
                customer, is_changed = await self._database.transaction(
                    lambda session: self._upsert(actor, number, details, session)
                )
            except Duplicate:
                # Another request recorded the same phone meanwhile; now it can be found.
                continue
            if is_changed:
                self._known.forget(customer.id)
            return customer

    async def find_or_add(self, actor: Actor, phone: str, path: str) -> Customer:
        """As `upsert` with a phone alone, its faults reported under `path`."""
        self._e164(path, phone)
        return await self.upsert(actor, phone=phone)

    async def _upsert(
        self, actor: Actor, phone: str, details: dict[str, Any], session: Transaction
    ) -> tuple[Customer, bool]:
        """And whether anything was written."""
        now = self._clock()
        old = await self._store.find_by_phone(phone, session=session)
        if old is not None and actor.customer_id not in (None, old.id):
            raise NotFound("customer")
        if old is None:
            if actor.customer_id is not None:
                raise NotFound("customer")
            key = ObjectId()
            new = Customer(
                id=key,
                phone=phone,
                created_at=now,
                updated_at=now,
                terms=[],
                sort=sort_key(now, key),
                **details,
            )
            new = _findable(new)
            await self._store.add(new, session=session)
            return new, True
        new = _findable(evolve(old, **details))
        if new == old:
            return old, False
        new = evolve(new, updated_at=now)
        await self._store.replace_fields(old, new, session=session)
        if new.terms != old.terms:
            for listener in self._listeners:
                await listener(new, session)
        return new, True

    def _e164(self, path: str, phone: str) -> str:
        checks = Checks()
        number = checks.phone(path, phone, self._phone_region)
        checks.done()
        return number

    # ---- conversations ---------------------------------------------------------------------

    async def get_conversation(self, actor: Actor, key: ObjectId) -> Conversation:
        """Raises NotFound; a bot that has named no customer speaks for the conversation's."""
        conversation = await self._store.find_conversation(key)
        if conversation is None:
            raise NotFound("conversation")
        if actor.is_bot and actor.customer_id not in (None, conversation.customer_id):
            raise NotFound("conversation")
        return conversation

    async def find_conversation(self, actor: Actor, key: ObjectId) -> Conversation | None:
        """As it is now, whichever process changed it."""
        found = await self._store.find_conversation(key)
        return found if found and _may_read(actor, found.customer_id) else None

    async def find_conversations(
        self, actor: Actor, keys: Iterable[ObjectId]
    ) -> dict[ObjectId, Conversation]:
        """To be shown, as this process remembers them; `get_conversation` decides about writes."""
        found = await self._known_conversations.get(keys, self._store.find_conversations)
        return {
            key: conversation
            for key, conversation in found.items()
            if _may_read(actor, conversation.customer_id)
        }

    async def conversations_page(self, customer: Customer, window: Window) -> Page[Conversation]:
        """Newest first, of a customer whom the caller has been allowed to see."""
        return await self._store.conversations_page(customer.id, window)

    async def count_conversations(self, customer: Customer) -> int:
        return await self._store.count_conversations(customer.id)

    async def start_conversation(
        self,
        actor: Actor,
        *,
        customer_id: ObjectId,
        channel: ConversationChannel,
        external_id: str | None = None,
    ) -> Conversation:
        """A new conversation, or the one that the channel already knows by `external_id`.

        Raises ValidationFailed (also where that one is another customer's), NotFound, Forbidden.
        """
        actor.require(Permission.RECORD_MESSAGES)
        checks = Checks()
        known_as = checks.optional_text("externalId", external_id, longest=KEY_LENGTH, lines=False)
        checks.done()
        customer = await self.get(actor.naming(customer_id), customer_id)
        now = self._clock()
        key = ObjectId()
        conversation = Conversation(
            id=key,
            customer_id=customer.id,
            channel=channel,
            external_id=known_as,
            created_at=now,
            updated_at=now,
            sort=sort_key(now, key),
        )
        try:
            await self._store.add_conversation(conversation)
        except Duplicate:
            if known_as is None:
                raise
            known = await self._store.find_conversation_by_external_id(channel, known_as)
            if known is None or known.customer_id != customer.id:
                raise ValidationFailed.of(
                    "externalId", "names another customer's conversation on this channel"
                ) from None
            return known
        return conversation

    async def take_over(self, actor: Actor, key: ObjectId) -> Conversation:
        """From now on a person answers. Taking over again names the newest. Raises NotFound."""
        actor.require(Permission.TAKE_OVER_CONVERSATIONS)
        conversation = await self.get_conversation(actor, key)
        now = self._clock()
        await self._store.set_handler(key, ConversationHandler.HUMAN, handled_by=actor.key, at=now)
        self._known_conversations.forget(key)
        return evolve(
            conversation,
            handler=ConversationHandler.HUMAN,
            handled_by=actor.key,
            updated_at=now,
        )

    async def find_message(self, actor: Actor, key: ObjectId) -> Message | None:
        message = await self._store.find_message_by_key(key)
        if message is None:
            return None
        readable = await self.find_conversations(actor, [message.conversation_id])
        return message if readable else None

    async def messages_page(self, conversation: Conversation, window: Window) -> Page[Message]:
        """Oldest first, of a conversation that the caller has been allowed to see."""
        return await self._store.messages_page(conversation.id, window)

    async def count_messages(self, conversation: Conversation) -> int:
        return await self._store.count_messages(conversation.id)


class CustomerChanged(Protocol):
    async def __call__(self, customer: Customer, session: Transaction, /) -> None: ...


def _may_read(actor: Actor, customer_id: ObjectId) -> bool:
    return actor.may(Permission.READ_ALL_CUSTOMERS) or actor.customer_id == customer_id


def _findable(customer: Customer) -> Customer:
    texts = [customer.name, customer.email, *phone_terms(customer.phone)]
    return evolve(customer, terms=terms_of(texts))
