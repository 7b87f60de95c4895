"""A conversation as it goes on, for those who follow it over a real socket."""

from typing import Any

import pytest
from bson import ObjectId

from graph.nodes import encode_id
from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.feed.socket import SocketClosed, Subscription, connected
from tests.servers import Server

FOLLOW = """
subscription($id: ID!) {
  conversationChanged(conversationId: $id) {
    handler handledBy { id }
    messages(last: 2) { nodes { author text } pageInfo { hasPreviousPage } }
  }
}
"""


async def until(follower: Subscription, **shown: Any) -> Data:
    """The first item with those values: what comes in quick succession may come as one."""
    while True:
        item = (await follower.data())["conversationChanged"]
        texts = [message["text"] for message in item["messages"]["nodes"]]
        if shown.items() <= {**item, "texts": texts}.items():
            return item


async def write(api: Api, conversation: Data, text: str) -> None:
    await api.succeed("recordMessage", conversationId=conversation["id"], text=text)


async def test_who_follows_sees_it_at_once_and_then_all_that_is_said(
    server: Server, agent: Person, make: Factory
) -> None:
    customer = await make.customer()
    conversation = await make.conversation(customer)
    bot = (await make.bot()).api.speaking_for(customer["id"])
    await write(bot, conversation, "Hello?")
    async with connected(server, agent.api.credential) as socket:
        follower = await socket.subscribe(FOLLOW, id=conversation["id"])
        first = await until(follower, handler="ASSISTANT", texts=["Hello?"])
        assert first["messages"]["pageInfo"]["hasPreviousPage"] is False

        await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])
        taken = await until(follower, handler="HUMAN")
        assert taken["handledBy"] == {"id": agent.id}

        await write(agent.api, conversation, "I am here.")
        await until(follower, texts=["Hello?", "I am here."])
        await write(bot, conversation, "Good.")
        last = await until(follower, texts=["I am here.", "Good."])
    assert [message["author"] for message in last["messages"]["nodes"]] == ["AGENT", "CUSTOMER"]
    assert last["messages"]["pageInfo"]["hasPreviousPage"] is True


async def test_what_is_said_elsewhere_disturbs_nobody(
    server: Server, agent: Person, make: Factory
) -> None:
    followed, other = await make.conversation(), await make.conversation()
    async with connected(server, agent.api.credential) as socket:
        follower = await socket.subscribe(FOLLOW, id=followed["id"])
        elsewhere = await socket.subscribe(FOLLOW, id=other["id"])
        await until(follower, texts=[])
        await write(agent.api, other, "Not here.")
        await until(elsewhere, texts=["Not here."])
        assert follower.messages.empty()


async def test_nobody_follows_what_they_may_not_see(
    server: Server, bot: Bot, make: Factory
) -> None:
    conversation, stranger = await make.conversation(), await make.customer()
    async with connected(server, bot.secret, customer_id=stranger["id"]) as socket:
        for key in (conversation["id"], encode_id("Conversation", ObjectId())):
            refused = await (await socket.subscribe(FOLLOW, id=key)).message()
            (error,) = refused["payload"]
            assert (refused["type"], error["extensions"]["code"]) == ("error", "NOT_FOUND")


async def test_a_revoked_key_is_told_of_no_later_message(
    server: Server, admin: Api, agent: Person, make: Factory
) -> None:
    customer = await make.customer()
    conversation = await make.conversation(customer)
    bot = await make.bot()
    async with connected(server, bot.secret, customer_id=customer["id"]) as socket:
        follower = await socket.subscribe(FOLLOW, id=conversation["id"])
        await until(follower, texts=[])
        await admin.succeed("revokeApiKey", id=bot.id)
        await write(agent.api, conversation, "For us alone.")
        with pytest.raises(SocketClosed):
            await until(follower, texts=["For us alone."])
