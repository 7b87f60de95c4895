"""Recording what is said, and what that does to tickets."""

from dataclasses import dataclass

from bson import ObjectId

from domain.access import Actor, Permission
from domain.clock import Clock, sort_key
from domain.customers import Customers
from domain.errors import TakenOver, ValidationFailed
from domain.known_customers import KnownConversations
from domain.tickets import Tickets
from domain.validation import KEY_LENGTH, TEXT_LENGTH, Checks
from persistence.customers import CustomerStore
from persistence.database import Database, Transaction
from persistence.errors import Duplicate
from persistence.models import ActorKind, Conversation, Message, MessageAuthor

# Whose messages each may record; the first unless told otherwise.
_BOT_WRITES = (MessageAuthor.CUSTOMER, MessageAuthor.ASSISTANT)
_AGENT_WRITES = (MessageAuthor.AGENT,)


@dataclass(frozen=True, slots=True)
class Recorded:
    """`replayed`: the channel had delivered the message before, and nothing was done now."""

    message: Message
    conversation: Conversation
    replayed: bool = False


class Conversations:
    def __init__(
        self,
        *,
        database: Database,
        store: CustomerStore,
        known_conversations: KnownConversations,
        customers: Customers,
        tickets: Tickets,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._known_conversations = known_conversations
        self._customers = customers
        self._tickets = tickets
        self._clock = clock

    async def record(
        self,
        actor: Actor,
        conversation_id: ObjectId,
        text: str,
        *,
        author: MessageAuthor | None = None,
        external_id: str | None = None,
    ) -> Recorded:
        """Records what an agent answered, or what a bot delivers.

        That is what the customer wrote, unless `author` says that an assistant of its own did.
        A customer's message takes up the conversation's waiting and resolved tickets. With an
        `external_id`, a message delivered twice is one message.
        Raises ValidationFailed, NotFound, Forbidden; TakenOver for an assistant's answer where a
        person answers by now.
        """
        may_write = _BOT_WRITES if actor.is_bot else _AGENT_WRITES
        if author not in (None, *may_write):
            raise ValidationFailed.of("author", f"must be {' or '.join(may_write)}")
        return await self.write(
            actor,
            conversation_id,
            text,
            author=author or may_write[0],
            external_id=external_id,
            unless_taken_over=author is MessageAuthor.ASSISTANT,
        )

    async def write(
        self,
        actor: Actor,
        conversation_id: ObjectId,
        text: str,
        *,
        author: MessageAuthor,
        external_id: str | None = None,
        unless_taken_over: bool = False,
    ) -> Recorded:
        """As `record`, for any author; `unless_taken_over` by a person, which raises TakenOver."""
        actor.require(Permission.RECORD_MESSAGES)
        checks = Checks()
        said = checks.text("text", text, longest=TEXT_LENGTH)
        known_as = checks.optional_text("externalId", external_id, longest=KEY_LENGTH, lines=False)
        checks.done()
        conversation = await self._customers.get_conversation(actor, conversation_id)
        if known_as is not None:
            known = await self._store.find_message(conversation_id, known_as)
            if known is not None:
                return Recorded(known, conversation, replayed=True)
        now = self._clock()
        key = ObjectId()
        message = Message(
            id=key,
            conversation_id=conversation_id,
            author=author,
            author_ref=actor.ref,
            text=said,
            external_id=known_as,
            sent_at=now,
            sort=sort_key(now, key),
        )

        async def store(session: Transaction) -> None:
            if unless_taken_over and not await self._store.admit_answer(
                conversation_id, session=session
            ):
                raise TakenOver
            await self._store.add_message(message, session=session)
            if author is MessageAuthor.CUSTOMER:
                customer = await self._store.find(conversation.customer_id, session=session)
                writer = Actor(
                    ActorKind.CUSTOMER,
                    conversation.customer_id,
                    (customer and customer.name) or "customer",
                    actor.role,
                    conversation.customer_id,
                )
                await self._tickets.customer_wrote(writer, conversation_id, now, session)

        try:
            await self._database.transaction(store)
        except Duplicate:
            if known_as is None:
                raise
            known = await self._store.find_message(conversation_id, known_as)
            if known is None:
                raise
            return Recorded(known, conversation, replayed=True)
        if unless_taken_over:
            # Where the answer has been counted.
            self._known_conversations.forget(conversation_id)
        return Recorded(message, conversation)
