"""What the work on tickets promises beyond one request, over the real database."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from bson import ObjectId

from domain.access import SYSTEM, Actor
from domain.configuration import ConfigurationSection
from domain.errors import NotFound, ValidationFailed
from domain.tickets import NewTicket
from graph.app import build_services
from graph.context import Services
from graph.settings import Settings
from persistence.database import connected
from persistence.models import ActorKind, ConversationChannel, Role
from tests.ledger import Ledger
from tests.servers import new_database_name

DETAILS: dict[str, Any] = {"subject": "S", "description": "D", "category": "other"}


@pytest.fixture
async def services(mongodb_uri: str) -> AsyncGenerator[Services]:
    """The domain over a new database; what it has stored must agree when the test is over."""
    async with connected(mongodb_uri, new_database_name()) as database:
        await database.prepare()
        services = build_services(database, Settings.model_construct(), secret_key="")
        await services.configuration_editor.seed({})
        yield services
        (await Ledger.read(database)).check()


async def create(services: Services, actor: Actor = SYSTEM, **details: Any) -> str:
    outcome = await services.tickets.create(actor, NewTicket(**DETAILS | details))
    return outcome.ticket.ticket_id


# ---- numbers -------------------------------------------------------------------------------


async def test_a_number_is_given_once_whatever_the_format_and_resolves_for_ever(
    services: Services,
) -> None:
    """Without a separator, `A0` and 001 spell what `A` and 0001 do."""
    formats = [
        {"prefix": "A", "includeYear": False, "padLength": 4, "separator": ""},
        {"prefix": "A0", "includeYear": False, "padLength": 3, "separator": ""},
        {"prefix": "A", "includeYear": False, "padLength": 4, "separator": ""},
        {"prefix": "A", "includeYear": False, "padLength": 3, "separator": "/"},
    ]
    given: list[str] = []
    for number_format in formats:
        before = await services.configuration.current()
        await services.configuration_editor.update(
            SYSTEM,
            ConfigurationSection.TICKET_ID_FORMAT,
            number_format,
            expected_version=before.states[ConfigurationSection.TICKET_ID_FORMAT].version,
        )
        given += [await create(services) for _ in range(2)]
    # Each draws on where its sequence stood, and past what the other has spelled.
    assert given == ["A0001", "A0002", "A0003", "A0004", "A0005", "A0006", "A/007", "A/008"]
    for number in given:
        assert await services.tickets.find(SYSTEM, number)


async def test_a_refused_ticket_costs_no_number(services: Services) -> None:
    first = await create(services)
    with pytest.raises(ValidationFailed):
        await create(services, subject=" ")
    with pytest.raises(NotFound):
        await create(services, customer_id=ObjectId())
    assert int((await create(services))[-6:]) == int(first[-6:]) + 1


# ---- for whom ------------------------------------------------------------------------------


async def test_a_bot_may_name_its_customer_in_the_input(services: Services) -> None:
    bot = Actor(ActorKind.BOT, ObjectId(), "bot", Role.BOT)
    customers = services.customers
    ana, eva = [await customers.upsert(bot, phone=f"551234567{digit}") for digit in (8, 9)]
    conversation = await customers.start_conversation(
        bot, customer_id=ana.id, channel=ConversationChannel.WEB
    )
    ways: list[dict[str, Any]] = [
        {"customer_id": ana.id},
        {"customer_phone": ana.phone},
        {"conversation_id": conversation.id},
    ]
    for named in [*ways, ways[0] | ways[1] | ways[2]]:
        number = await create(services, bot, **named)
        ticket = await services.tickets.find(bot.speaking_for(ana.id), number)
        assert ticket is not None
        assert ticket.customer_id == ana.id
    with pytest.raises(ValidationFailed, match="not of one person"):
        await create(services, bot, customer_id=eva.id, conversation_id=conversation.id)
    for named in ways:
        # One that has named Eva does not get to Ana.
        with pytest.raises(NotFound):
            await create(services, bot.speaking_for(eva.id), **named)
    with pytest.raises(ValidationFailed, match="name the customer"):
        await create(services, bot)
