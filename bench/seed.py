"""A database to measure on: a few real things made by the services, and one copied many times."""

import time
from dataclasses import dataclass
from datetime import timedelta

from bson import ObjectId

from domain.access import SYSTEM, Actor
from domain.clock import sort_key, utc_now
from domain.tickets import NewTicket
from graph.context import Services
from graph.nodes import encode_id
from persistence.database import Database
from persistence.documents import evolve, to_document
from persistence.models import (
    Agent,
    ConversationChannel,
    Customer,
    NoteVisibility,
    Role,
    SortKeys,
    Ticket,
    TicketLinkKind,
    TicketPriority,
)

PASSWORD = f"a password {time.time_ns()}"
ADMIN = "admin@bench.example"
_CUSTOMERS, _BATCH = 40, 500


@dataclass(frozen=True, slots=True)
class Seeded:
    """`ticket_id` is the one that has everything; `busy_ticket_id` one to write to."""

    admin: Actor
    ticket_id: str
    busy_ticket_id: str
    customer_id: str
    conversation_id: str
    api_key: str


async def seed(database: Database, services: Services, *, tickets: int) -> Seeded:
    """`tickets` in all, of which one has notes, a history, a conversation and links."""
    await database.prepare()
    await services.configuration_editor.seed({})
    agents = [
        await services.accounts.create_agent(
            SYSTEM, name=name, email=email, password=PASSWORD, role=role
        )
        for name, email, role in [
            ("Admin", ADMIN, Role.ADMIN),
            ("Ana Torres", "ana@bench.example", Role.AGENT),
            ("Luis Vega", "luis@bench.example", Role.AGENT),
        ]
    ]
    admin = Actor.agent(agents[0])
    _, api_key = await services.accounts.create_api_key(SYSTEM, name="bench")
    customers = [
        await services.customers.upsert(admin, phone=f"55 1000 {n:04}", name=f"Cliente {n}")
        for n in range(_CUSTOMERS)
    ]
    conversation = await services.customers.start_conversation(
        admin, customer_id=customers[0].id, channel=ConversationChannel.WHATSAPP
    )
    first, second = await _two_tickets(services, admin, conversation.id, agents[1])
    await _copy(database, second, customers, agents, count=tickets - 2)
    return Seeded(
        admin,
        first.ticket_id,
        second.ticket_id,
        encode_id("Customer", customers[1].id),
        encode_id("Conversation", conversation.id),
        api_key,
    )


async def _two_tickets(
    services: Services, admin: Actor, conversation_id: ObjectId, assignee: Agent
) -> tuple[Ticket, Ticket]:
    """One that has everything, and another that it is linked with."""
    tickets = services.tickets
    story = NewTicket(
        "La luminaria del centro parpadea",
        "Parpadea toda la noche y a veces se apaga. Está frente a la plaza.",
        "light_malfunction",
        tags=("centro", "noche"),
        conversation_id=conversation_id,
    )
    first, second = [(await tickets.create(admin, story)).ticket for _ in range(2)]
    await tickets.assign(admin, first.ticket_id, assignee_id=assignee.id)
    for number in range(5):
        await tickets.add_note(
            admin, first.ticket_id, f"Nota {number}", visibility=NoteVisibility.PUBLIC
        )
    await tickets.link(admin, first.ticket_id, second.ticket_id, TicketLinkKind.RELATED)
    return await tickets.resolve(admin, first.ticket_id, "Se cambió la lámpara."), second


async def _copy(
    database: Database,
    ticket: Ticket,
    customers: list[Customer],
    agents: list[Agent],
    *,
    count: int,
) -> None:
    """As many tickets like `ticket`, one a minute, each with customer and assignee of its own."""
    now = utc_now()
    collection = database.collection(Ticket)
    for start in range(0, count, _BATCH):
        batch: list[dict[str, object]] = []
        for number in range(start, min(start + _BATCH, count)):
            key, at = ObjectId(), now - timedelta(minutes=number)
            by_time, assignee = sort_key(at, key), agents[number % len(agents)]
            copy = evolve(
                ticket,
                id=key,
                ticket_id=f"BENCH-{number:06}",
                subject=f"Luminaria apagada número {number}",
                priority=list(TicketPriority)[number % 4],
                customer_id=customers[number % len(customers)].id,
                assignee_id=assignee.id,
                audience=[f"agent:{assignee.id}"],
                created_at=at,
                updated_at=at,
                sort=SortKeys(
                    created=by_time,
                    updated=by_time,
                    priority=f"{number % 4}{by_time}",
                    due=by_time,
                ),
            )
            batch.append(to_document(copy))
        await collection.insert_many(batch)
