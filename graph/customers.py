"""Customers, their conversations, and the messages in them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import strawberry

from domain.conversations import Recorded
from domain.live_conversations import Moment
from graph.accounts import Actor, Agent
from graph.context import Info
from graph.enums import ConversationChannel, ConversationHandler, MessageAuthor
from graph.errors import SimpleProblem, ValidationProblem
from graph.fields import OfModel, of_model, related
from graph.nodes import (
    After,
    Before,
    Connection,
    First,
    Last,
    Node,
    connection,
    decode_id,
    window,
)
from graph.sharing import Shared
from persistence import models

if TYPE_CHECKING:
    from graph.assistant.answers import AssistantAnswer
    from graph.tickets import Ticket, TicketFilter


@strawberry.type(description="A customer's tickets in figures, exact at the moment of asking.")
class CustomerStatistics:
    total_tickets: int = strawberry.field(description="All they ever had.")
    open_tickets: int = strawberry.field(description="Those neither RESOLVED nor CLOSED.")


@strawberry.type(description="One message of a conversation.")
class Message(Node):
    author: MessageAuthor = strawberry.field(description="Which side wrote it.")
    written_by: Actor = strawberry.field(description="Who exactly recorded or wrote it.")
    text: str = strawberry.field(description="1 to 10,000 characters, as plain text.")
    external_id: str | None = strawberry.field(
        description="Its id on the channel; unique within the conversation."
    )
    sent_at: datetime = strawberry.field(description="When it was recorded.")

    @classmethod
    def from_model(cls, message: models.Message) -> "Message":
        return cls(
            key=message.id,
            author=message.author,
            written_by=Actor.from_model(message.author_ref),
            text=message.text,
            external_id=message.external_id,
            sent_at=message.sent_at,
        )


@strawberry.type(description="An exchange with one customer on one channel.")
class Conversation(OfModel, Node):
    channel: ConversationChannel = of_model("Where it takes place.")
    external_id: str | None = of_model("Its id on the channel; unique there.")
    handler: ConversationHandler = of_model(
        "Who answers: the assistant, until a person takes over."
    )
    created_at: datetime = of_model("When it began.")
    updated_at: datetime = of_model("When its handler last changed.")
    customer: "Customer | None" = related(
        lambda loaders: loaders.customers,
        by="model.customer_id",
        make=lambda found: Customer.from_model(found),  # noqa: PLW0108 -- it is defined below
        description="Whose conversation it is.",
    )
    handled_by: Agent | None = related(
        lambda loaders: loaders.agents,
        by="model.handled_by",
        make=Agent.from_model,
        description="The person who took over, where the viewer may know.",
    )
    model: strawberry.Private[models.Conversation]

    @strawberry.field(description="What was said, oldest first.")
    async def messages(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Message]:
        customers = info.context.services.customers
        page = await customers.messages_page(
            self.model, window("messages", first=first, after=after, last=last, before=before)
        )
        return connection(
            "messages",
            page,
            node=Message.from_model,
            count=lambda: customers.count_messages(self.model),
        )

    @strawberry.field(
        description="The assistant's attempts to answer, newest first. None for bots."
    )
    async def answers(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[Annotated["AssistantAnswer", strawberry.lazy("graph.assistant.answers")]]:
        from graph.assistant.answers import answers_of

        return await answers_of(info, self.model, first, after)

    @strawberry.field(description="The tickets that came out of it, newest first.")
    async def tickets(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[Annotated["Ticket", strawberry.lazy("graph.tickets")]]:
        from graph.tickets import tickets_of

        return await tickets_of(
            info, "conversationTickets", first, after, conversation_id=self.model.id
        )

    @classmethod
    def from_model(cls, conversation: models.Conversation) -> "Conversation":
        return cls(key=conversation.id, model=conversation)


def _phone(self: "Customer") -> str | None:
    return None if self.model.erased_at else self.model.phone


@strawberry.type(description="Somebody whom the business serves, known by their phone.")
class Customer(OfModel, Node):
    name: str | None = of_model("As they gave it.")
    phone: str | None = strawberry.field(
        resolver=_phone,
        description="In E.164, as in +525512345678; unique. Null of one who was erased.",
    )
    email: str | None = of_model("As they gave it, in lower case.")
    language: str | None = of_model("A BCP 47 tag, as in `es-MX`.")
    external_id: str | None = of_model("Their id in another system.")
    created_at: datetime = of_model("When they were first recorded.")
    erased_at: datetime | None = of_model(
        "When they were erased, with `eraseCustomer`; null of anybody else."
    )
    model: strawberry.Private[models.Customer]

    @strawberry.field(description="Their tickets in figures.")
    async def statistics(self, info: Info) -> CustomerStatistics:
        counted = await info.context.loaders.customer_statistics.load(self.model.id)
        return CustomerStatistics(
            total_tickets=counted.total_tickets, open_tickets=counted.open_tickets
        )

    @strawberry.field(description="Those of their tickets that the viewer may see, newest first.")
    async def tickets(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: Annotated[
            Annotated["TicketFilter", strawberry.lazy("graph.tickets")] | None,
            strawberry.argument(description="Only tickets that meet it."),
        ] = None,
    ) -> Connection[Annotated["Ticket", strawberry.lazy("graph.tickets")]]:
        from graph.tickets import tickets_of

        return await tickets_of(
            info, "customerTickets", first, after, filter=filter, customer_id=self.model.id
        )

    @strawberry.field(description="Their conversations, newest first.")
    async def conversations(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[Conversation]:
        customers = info.context.services.customers
        page = await customers.conversations_page(
            self.model, window("conversations", first=first, after=after)
        )
        return connection(
            "conversations",
            page,
            node=Conversation.from_model,
            count=lambda: customers.count_conversations(self.model),
        )

    @classmethod
    def from_model(cls, customer: models.Customer) -> "Customer":
        return cls(key=customer.id, model=customer)


# ---- outcomes ------------------------------------------------------------------------------


@strawberry.type(description="The customer as they now are.")
class CustomerPayload:
    customer: Customer = strawberry.field(description="The customer.")


CustomerResult = Annotated[
    CustomerPayload | ValidationProblem | SimpleProblem,
    strawberry.union("CustomerResult", description="The customer, or why nothing was changed."),
]


@strawberry.type(description="What is left of the customer.")
class EraseCustomerPayload:
    customer: Customer = strawberry.field(description="Nobody in particular, with their figures.")
    erased_tickets: int = strawberry.field(
        description="Out of how many tickets something was taken now; 0 where that was done before."
    )


EraseCustomerResult = Annotated[
    EraseCustomerPayload | ValidationProblem | SimpleProblem,
    strawberry.union(
        "EraseCustomerResult", description="What is left, or why nothing was changed."
    ),
]


@strawberry.type(description="The conversation as it now is.")
class ConversationPayload:
    conversation: Conversation = strawberry.field(description="The conversation.")


ConversationResult = Annotated[
    ConversationPayload | ValidationProblem | SimpleProblem,
    strawberry.union(
        "ConversationResult", description="The conversation, or why nothing was changed."
    ),
]


@strawberry.type(description="The message as it is recorded.")
class MessagePayload:
    message: Message = strawberry.field(description="The message.")
    conversation: Conversation = strawberry.field(description="Where it was said.")
    replayed: bool = strawberry.field(
        description="True: this externalId had been delivered before, and nothing was done now."
    )

    @classmethod
    def from_recorded(cls, recorded: Recorded) -> "MessagePayload":
        return cls(
            message=Message.from_model(recorded.message),
            conversation=Conversation.from_model(recorded.conversation),
            replayed=recorded.replayed,
        )


MessageResult = Annotated[
    MessagePayload | ValidationProblem | SimpleProblem,
    strawberry.union("MessageResult", description="The message, or why it was not recorded."),
]


# ---- inputs --------------------------------------------------------------------------------


@strawberry.input(description="A customer's details; what is left out stays as it is.")
class UpsertCustomerInput:
    phone: str = strawberry.field(
        description="Identifies the customer: +52 55 1234 5678, or 55 1234 5678 in the "
        "configured region."
    )
    name: str | None = strawberry.field(default=None, description="At most 200 characters.")
    email: str | None = strawberry.field(default=None, description="An e-mail address.")
    language: str | None = strawberry.field(default=None, description="A BCP 47 tag.")
    external_id: str | None = strawberry.field(
        default=None, description="Their id in another system, at most 200 characters."
    )


@strawberry.input(description="A new conversation.")
class StartConversationInput:
    customer_id: strawberry.ID = strawberry.field(description="With whom.")
    channel: ConversationChannel = strawberry.field(description="Where.")
    external_id: str | None = strawberry.field(
        default=None,
        description="Its id on the channel: starting it again gives the same conversation.",
    )


@strawberry.input(description="A message to record.")
class RecordMessageInput:
    conversation_id: strawberry.ID = strawberry.field(description="Where it was said.")
    text: str = strawberry.field(description="1 to 10,000 characters.")
    author: MessageAuthor | None = strawberry.field(
        default=None,
        description="For bots: CUSTOMER by default, or ASSISTANT for what a model of your own "
        "has answered. For agents: AGENT.",
    )
    external_id: str | None = strawberry.field(
        default=None,
        description="Its id on the channel: delivering it again records nothing.",
    )


# ---- root fields ---------------------------------------------------------------------------


@strawberry.type
class CustomerQueries:
    @strawberry.field(
        description="The customer with that phone; null where there is none that the viewer may "
        "see (a bot: the one it names)."
    )
    async def customer(
        self,
        info: Info,
        phone: Annotated[
            str,
            strawberry.argument(description="As people write it; see `upsertCustomer`."),
        ],
    ) -> Customer | None:
        customers = info.context.services.customers
        customer = await customers.find_by_phone(info.context.actor, phone)
        return Customer.from_model(customer) if customer else None

    @strawberry.field(description="All customers, newest first. Not for bots.")
    async def customers(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words that name, e-mail or phone must all start with, whatever "
                "their accents and case."
            ),
        ] = None,
    ) -> Connection[Customer]:
        customers, actor = info.context.services.customers, info.context.actor
        page = await customers.page(actor, search, window("customers", first=first, after=after))
        return connection(
            "customers",
            page,
            node=Customer.from_model,
            count=lambda: customers.count(actor, search),
        )

    @strawberry.field(
        description="One conversation; null where there is none that the viewer may see."
    )
    async def conversation(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its global id.")],
    ) -> Conversation | None:
        key = decode_id("Conversation", id, "id")
        customers = info.context.services.customers
        conversation = await customers.find_conversation(info.context.actor, key)
        return Conversation.from_model(conversation) if conversation else None


@strawberry.type
class CustomerMutations:
    @strawberry.mutation(
        description="Records a customer by phone, or changes the details that are given. Anyone "
        "signed in; a bot that names a customer, only that one. Problems: VALIDATION, NOT_FOUND. "
        "Emits no event; their tickets are found by the new name at once."
    )
    async def upsert_customer(self, info: Info, input: UpsertCustomerInput) -> CustomerResult:
        customer = await info.context.services.customers.upsert(
            info.context.actor,
            phone=input.phone,
            name=input.name,
            email=input.email,
            language=input.language,
            external_id=input.external_id,
        )
        return CustomerPayload(customer=Customer.from_model(customer))

    @strawberry.mutation(
        description="Forgets a customer, for good: name, phone, e-mail, language and ids, and "
        "every text that anybody wrote in or of their tickets, notes, events and conversations. "
        "Numbers, states, categories, times, ratings and all figures stay. Again, it takes out "
        "what came since, or finishes what was cut short. Admins. Problems: VALIDATION, NOT_FOUND, "
        "FORBIDDEN. Emits TicketUpdated for each ticket, with the reason `customer erased`."
    )
    async def erase_customer(
        self,
        info: Info,
        customer_id: Annotated[strawberry.ID, strawberry.argument(description="Whom.")],
    ) -> EraseCustomerResult:
        erased = await info.context.services.erasure.erase(
            info.context.actor, decode_id("Customer", customer_id, "customerId")
        )
        return EraseCustomerPayload(
            customer=Customer.from_model(erased.customer), erased_tickets=erased.tickets
        )

    @strawberry.mutation(
        description="Starts a conversation, or finds the one with that externalId. Anyone signed "
        "in. Problems: VALIDATION, NOT_FOUND. Emits no event."
    )
    async def start_conversation(
        self, info: Info, input: StartConversationInput
    ) -> ConversationResult:
        conversation = await info.context.services.customers.start_conversation(
            info.context.actor,
            customer_id=decode_id("Customer", input.customer_id, "customerId"),
            channel=input.channel,
            external_id=input.external_id,
        )
        return ConversationPayload(conversation=Conversation.from_model(conversation))

    @strawberry.mutation(
        description="Records a message: from a bot, what the customer wrote, or what an assistant "
        "of its own answered; from an agent, what they answered. A customer's message takes the "
        "conversation's PENDING_CUSTOMER and RESOLVED tickets up again. Anyone signed in. "
        "Problems: VALIDATION, NOT_FOUND, CONFLICT (an assistant's answer, where a person has "
        "taken over: do not send it). Emits TicketStatusChanged or TicketReopened for each such "
        "ticket."
    )
    async def record_message(self, info: Info, input: RecordMessageInput) -> MessageResult:
        recorded = await info.context.services.conversations.record(
            info.context.actor,
            decode_id("Conversation", input.conversation_id, "conversationId"),
            input.text,
            author=input.author,
            external_id=input.external_id,
        )
        return MessagePayload.from_recorded(recorded)

    @strawberry.mutation(
        description="A person answers from now on, and the assistant is silent. Admins, "
        "supervisors and agents. Problems: VALIDATION, NOT_FOUND, FORBIDDEN. Emits no event."
    )
    async def take_over_conversation(
        self,
        info: Info,
        conversation_id: Annotated[
            strawberry.ID, strawberry.argument(description="The conversation.")
        ],
    ) -> ConversationResult:
        conversation = await info.context.services.customers.take_over(
            info.context.actor, decode_id("Conversation", conversation_id, "conversationId")
        )
        return ConversationPayload(conversation=Conversation.from_model(conversation))


@strawberry.type
class ConversationSubscriptions:
    @strawberry.subscription(
        description="A conversation as it is now, then anew after each message and whenever "
        "another answers in it. Each item is the whole: select its `messages(last: 20)`, and after "
        "a gap begin again. NOT_FOUND for a conversation that the viewer may not see."
    )
    async def conversation_changed(
        self,
        info: Info,
        conversation_id: Annotated[
            strawberry.ID, strawberry.argument(description="The conversation.")
        ],
    ) -> AsyncGenerator[Conversation, None]:
        moments = info.context.services.live_conversations.follow(
            info.context.stream.watch,
            decode_id("Conversation", conversation_id, "conversationId"),
        )
        return cast("AsyncGenerator[Conversation]", _shared(moments))


async def _shared(moments: AsyncGenerator[Moment]) -> AsyncGenerator[Shared]:
    async with aclosing(moments):
        async for each in moments:
            make = partial(Conversation.from_model, each.conversation)
            yield Shared((each.signal, each.count, each.viewer), each.viewer, make)
