"""The domain over the server's database with its clock set back, for what takes days."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from domain.access import SYSTEM, Actor
from domain.clock import utc_now
from domain.tickets import NewTicket
from graph.app import build_services
from graph.context import Services
from graph.nodes import decode_id
from graph.settings import Settings
from persistence.database import Database
from persistence.models import ActorKind, Role, Ticket
from tests.factories import Person

Ago = Callable[[timedelta], Services]


def services_of(database: Database, ago: timedelta) -> Services:
    return build_services(
        database, Settings.model_construct(), secret_key="", clock=lambda: utc_now() - ago
    )


def actor_of(person: Person) -> Actor:
    key = decode_id("Agent", person.id, "id")
    return Actor(ActorKind.AGENT, key, person.name, Role(person.role))


async def ticket_of(services: Services, **details: Any) -> Ticket:
    """A ticket that was opened when `services` have it."""
    details = {"subject": "Old", "description": "Old.", "category": "other"} | details
    return (await services.tickets.create(SYSTEM, NewTicket(**details))).ticket
