"""What a process remembers of conversations, when it or another one changes them."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from unittest.mock import AsyncMock, Mock

import pytest
from bson import ObjectId
from pydantic import SecretStr

from domain.access import Actor
from domain.errors import Upstream
from graph.app import build_services
from graph.context import Services
from graph.settings import Settings
from persistence.customers import CustomerStore
from persistence.database import connected
from persistence.models import (
    ActorKind,
    Conversation,
    ConversationChannel,
    ConversationHandler,
    MessageAuthor,
    Role,
)
from tests.client import Api
from tests.factories import Factory
from tests.responses_server import Refuse, Say, running_responses_server
from tests.servers import Servers, new_database_name, until_shown

SHOWN = "{ tickets { nodes { conversation { handler handledBy { id } externalId } } } }"
ADMIN = Actor(ActorKind.AGENT, ObjectId(), "admin", Role.ADMIN)
BOT = Actor(ActorKind.BOT, ObjectId(), "bot", Role.BOT)


async def shown_to(api: Api, field: str) -> object:
    return (await api.query(SHOWN))["tickets"]["nodes"][0]["conversation"][field]


async def test_every_process_shows_it_soon(servers: Servers) -> None:
    one = await servers.start()
    other = await servers.start_beside(one)
    admin = await one.sign_in()
    elsewhere = other.api(admin.credential)
    make = Factory(one, admin)
    customer = await make.customer()
    conversation = await make.conversation(customer, externalId="wamid")
    await make.ticket(conversationId=conversation["id"])

    # Remembered there from now on.
    assert await shown_to(elsewhere, "handler") == "ASSISTANT"
    await admin.succeed("takeOverConversation", conversationId=conversation["id"])
    assert await shown_to(admin, "handler") == "HUMAN"
    await until_shown("HUMAN", lambda: shown_to(elsewhere, "handler"))
    await admin.succeed("eraseCustomer", customerId=customer["id"])
    assert await shown_to(admin, "externalId") is None
    await until_shown(None, lambda: shown_to(elsewhere, "externalId"))


# ---- below the API -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Office:
    """A process whose channel is alive, and tells it nothing: what it changed it has to know."""

    services: Services
    store: CustomerStore
    customer: ObjectId
    key: ObjectId
    # Of the model that is asked for answers.
    will: Callable[..., None] = field(repr=False)

    async def shown(self) -> Conversation:
        return (await self.services.customers.find_conversations(ADMIN, [self.key]))[self.key]

    async def stored(self) -> Conversation:
        found = await self.store.find_conversation(self.key)
        assert found is not None
        return found

    async def change_unheard(self, handler: ConversationHandler) -> None:
        """As another process does."""
        conversation = await self.stored()
        at = conversation.updated_at
        await self.store.set_handler(self.key, handler, handled_by=None, at=at)


@pytest.fixture
async def office(mongodb_uri: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Office]:
    async with (
        connected(mongodb_uri, new_database_name()) as database,
        running_responses_server() as provider,
    ):
        await database.prepare()
        settings = Settings.model_construct(
            openai_api_key=SecretStr("sk-of-no-provider"),
            openai_base_url=provider.url,
            openai_model="scripted-1",
            assistant_failures=2,
        )
        services = build_services(database, settings, secret_key="x" * 32)
        await services.configuration_editor.seed({})
        customer = await services.customers.upsert(ADMIN, phone="+525512340000")
        conversation = await services.customers.start_conversation(
            ADMIN,
            customer_id=customer.id,
            channel=ConversationChannel.WHATSAPP,
            external_id="wamid",
        )
        monkeypatch.setattr(services.channel, "_tell", Mock())
        await services.channel.start()
        yield Office(services, CustomerStore(database), customer.id, conversation.id, provider.will)
        await services.assistant.close()
        await services.channel.stop()


async def test_who_changes_a_conversation_sees_that_at_once(office: Office) -> None:
    services, key = office.services, office.key

    async def sees(deed: Awaitable[object]) -> Conversation:
        before = await office.shown()
        await deed
        after = await office.shown()
        assert after == await office.stored() != before
        return after

    def asked() -> Awaitable[object]:
        return services.assistant.respond(BOT, key, "Hello?", run_tools=AsyncMock())

    async def refused() -> None:
        with pytest.raises(Upstream):
            await asked()

    office.will(Say("Hello."), otherwise=Refuse())
    recording = services.conversations.record(BOT, key, "Yes?", author=MessageAuthor.ASSISTANT)
    assert (await sees(recording)).assistant_answers == 1
    assert (await sees(asked())).assistant_answers == 2
    assert (await sees(refused())).assistant_failures == 1
    assert (await sees(asked())).handler is ConversationHandler.HUMAN
    assert (await sees(services.customers.take_over(ADMIN, key))).handled_by == ADMIN.key
    assert (await sees(services.erasure.erase(ADMIN, office.customer))).external_id is None


async def test_who_asks_for_a_conversation_by_itself_reads_it(office: Office) -> None:
    await office.shown()
    await office.change_unheard(ConversationHandler.HUMAN)
    assert (await office.shown()).handler is ConversationHandler.ASSISTANT, "it is remembered"
    customers = office.services.customers
    for found in (
        await customers.get_conversation(ADMIN, office.key),
        await customers.find_conversation(ADMIN, office.key),
    ):
        assert found is not None
        assert found.handler is ConversationHandler.HUMAN
    assert await customers.find_conversation(BOT.naming(ObjectId()), office.key) is None


async def test_nothing_is_remembered_while_the_channel_is_deaf(office: Office) -> None:
    await office.shown()
    await office.services.channel.stop()
    for handler in (ConversationHandler.HUMAN, ConversationHandler.ASSISTANT):
        await office.change_unheard(handler)
        assert (await office.shown()).handler is handler
